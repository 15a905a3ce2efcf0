/** PERIOD: how often a byte comes again so many bytes later, per cell. Looks ahead, past its row's own bytes. */
import { defineService, field, param, serve } from 'binglide/worker';

serve(
  defineService({
    name: 'PERIOD',
    version: 1,
    help: 'bytes that come again at each distance',
    rowBytes: 65_536,
    overlap: 'max_lag',
    params: { max_lag: param.int({ default: 5, min: 1, max: 40, help: 'the longest distance' }) },
    fields: {
      matches: field.u4({ shape: ['max_lag'], merge: 'sum', cells: true, perByteMax: 1 }),
      last: field.i8({ merge: 'max', cells: true }),
      seen: field.u4({ shape: [8], merge: 'or' }),
    },
    compute(input, out, task) {
      const { max_lag: lags } = task.params;
      for (let row = 0; row < input.rows; row++) {
        const [own, ahead] = [input.row(row), input.ahead(row)];
        for (let lag = 1; lag <= lags; lag++) {
          let matches = 0;
          for (let i = 0; i < own.length && i + lag < ahead.length; i++) if (ahead[i] === ahead[i + lag]) matches++;
          out.matches[row * lags + lag - 1] = matches;
        }
        for (const byte of own) out.seen[byte >> 5]! |= 1 << (byte & 31);
        if (own.length > 0) out.last[row] = input.offset(row) + own.length - 1;
      }
    },
  }),
);
