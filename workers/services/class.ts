/** CLASS: how many bytes of each of six disjoint classes, per cell and in the whole range; together they are all. */
import { field } from '../fields.js';
import { type ClassName, classNames, countClasses } from '../kernels/classes.js';
import { defineService } from '../service.js';

const sum = () => field.u8({ merge: 'sum', cells: true, perByteMax: 1 });

export const classes = defineService({
  name: 'CLASS',
  version: 1,
  help: 'bytes of six classes along the file: zero 00, ff FF, printable 20–7E, whitespace 09–0D, control 01–08 0E–1F 7F, high 80–FE',
  fields: { zero: sum(), ff: sum(), printable: sum(), whitespace: sum(), control: sum(), high: sum() } satisfies {
    [name in ClassName]: unknown;
  },
  report: classNames.map((name) => ({ name, of: name, finish: 'value', scope: 'both' })),
  compute(input, out) {
    for (let row = 0; row < input.rows; row++) {
      const found = countClasses(input.row(row));
      for (let i = 0; i < classNames.length; i++) out[classNames[i]!][row] = found[i]!;
    }
  },
});
