/** BYTES: the bytes themselves, a short range of them; never cached. */
import { field } from '../fields.js';
import { defineService } from '../service.js';

export const bytes = defineService({
  name: 'BYTES',
  version: 1,
  help: 'the bytes of a range of at most 1 MiB',
  cached: false,
  rangeBytesMax: 1 << 20,
  fields: { bytes: field.concat({ dtype: 'u1', shape: [1] }) },
  report: [{ name: 'bytes', of: 'bytes', finish: 'intervals', scope: 'whole' }],
  compute(input, out) {
    for (let row = 0; row < input.rows; row++) {
      const own = input.row(row);
      out.bytes.append(row, own, input.offset(row), input.offset(row) + own.length);
    }
  },
});
