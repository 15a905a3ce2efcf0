/** `binglide/client`: ask questions of huge binary files, watch the answers sharpen, cancel at any moment. */
export {
  BinglideError,
  type ErrorCode,
  errorCatalogue,
  isBinglideError,
  parseBytes,
  parseRange,
} from '../protocol/index.js';
export { Client, connect } from './client.js';
export type { CancelOutcome } from './events.js';
export type {
  CellState,
  Cells,
  ChangeRun,
  DiffFields,
  EntFields,
  Fields,
  FieldsOf,
  FieldValue,
  HistFields,
  KnownFields,
  Stretch,
} from './fields.js';
export type { Job, RawAnswer, RawJob } from './job.js';
export type { Json } from './json.js';
export type { JobEntry, ServiceList } from './mmi.js';
export type { ConnectOptions, RequestOptions } from './options.js';
export { PlainClient, type PlainClientOptions } from './plain.js';
export { printablePath, Report, type ReportInput, reportFormat } from './report.js';
