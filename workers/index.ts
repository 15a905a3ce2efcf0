/** What authors of services use: `import { defineService, field, param, serve } from 'binglide/worker'`. */
export { BinglideError } from '../protocol/errors.js';
export { type FieldDef, field, type OutArray, type ParamDef, param } from './fields.js';
export { type PlainHandler, type PlainOptions, PlainWorker } from './plain.js';
export type { Rows } from './rows.js';
export { serve } from './serve.js';
export { type AnyWorker, defineService, type ServiceDefinition, type TaskView, Worker } from './service.js';
export type { RowSink } from './sink.js';
