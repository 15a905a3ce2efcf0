/** All sections by name, in the order in which they run; a line each. */
import { broker } from './broker.js';
import { cancel } from './cancel.js';
import { exact } from './exact.js';
import { first } from './first.js';
import { honest } from './honest.js';
import { needles } from './needles.js';
import { reopen } from './reopen.js';
import type { Section } from './section.js';
import { seeks } from './seeks.js';

export const sections: { readonly [name: string]: Section } = {
  exact: { says: 'exact answers about 1 GiB against C loops and other tools', run: exact },
  first: { says: 'how soon the first whole picture stands', run: first },
  honest: { says: 'whether intervals hold the exact values, and narrow', run: honest },
  needles: { says: 'whether short anomalies are seen at every zoom', run: needles },
  reopen: { says: 'a finished large file asked again from the cache', run: reopen },
  seeks: { says: 'a disk that takes 10 ms to seek, against its sequential speed', run: seeks },
  broker: { says: 'what the broker costs, and whether it is fair', run: broker },
  cancel: { says: 'how soon cancelled jobs are over', run: cancel },
};
