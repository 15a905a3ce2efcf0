/** SPIN never ends and tests nothing, once it has made the file `mark`; with `polite` it tests the flag. IDLE waits for its signal. EXIT ends its thread. */
import { writeFileSync } from 'node:fs';
import { defineService, field, param, serve } from 'binglide/worker';

const fields = { sum: field.u8({ merge: 'sum' }) };

serve(
  defineService({
    name: 'SPIN',
    version: 1,
    params: { polite: param.bool({ default: false }), mark: param.string({ default: '' }) },
    fields,
    compute(_, __, task) {
      if (task.params.mark !== '') writeFileSync(task.params.mark, '');
      for (;;) if (task.params.polite) task.check();
    },
  }),
);
serve(
  defineService({
    name: 'IDLE',
    version: 1,
    fields,
    compute: (_, __, task) =>
      new Promise((_resolve, reject) => task.signal.addEventListener('abort', () => reject(new Error('aborted')))),
  }),
);
serve(
  defineService({
    name: 'EXIT',
    fields,
    compute() {
      process.exit(3);
    },
  }),
);
