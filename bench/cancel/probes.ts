/**
 * Services for the slots of the bench: HIST, ENT and DIGRAM as they are, under other names, but that every batch leaves a
 * stamp behind; and HOLD, which keeps a slot busy and leaves none.
 */
import { type AnyWorker, defineService, field, serve } from '../../workers/index.js';
import { digram } from '../../workers/services/digram.js';
import { ent } from '../../workers/services/ent.js';
import { hist } from '../../workers/services/hist.js';
import { StampWriter, stampsVariable } from './stamps.js';

const stamps = new StampWriter(process.env[stampsVariable]!);

function stamped(service: AnyWorker, name: string): AnyWorker {
  return defineService({
    ...service.definition,
    name,
    compute(input, out, task) {
      service.compute(input, out, task);
      stamps.write();
    },
  });
}

serve(stamped(hist, 'PHIST'));
serve(stamped(ent, 'PENT'));
serve(stamped(digram, 'PDIGRAM'));

const holdMs = 20;

serve(
  defineService({
    name: 'HOLD',
    version: 1,
    rowBytes: 4096,
    fields: { rows: field.u4({ merge: 'sum' }) },
    compute(input, out, task) {
      for (let row = 0; row < input.rows; row++) {
        const end = performance.now() + holdMs;
        while (performance.now() < end) task.check();
        out.rows[0]! += 1;
      }
    },
  }),
);
