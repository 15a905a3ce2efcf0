/** The job that the broker is measured with. */
import type { Client, HistFields, Job } from '../../client/index.js';

export const hist = (client: Client, file: string, range?: readonly [number, number]): Job<HistFields> =>
  client.request({ service: 'HIST', inputs: [file], cache: false, ...(range && { range }) });
