/** The built-in services, a line each. */
import type { Descriptor } from '../../protocol/descriptor.js';
import type { AnyWorker } from '../service.js';
import { bytes } from './bytes.js';
import { classes } from './class.js';
import { diff } from './diff.js';
import { digram } from './digram.js';
import { ent } from './ent.js';
import { hist } from './hist.js';
import { stats } from './stats.js';

export const builtinServices: readonly AnyWorker[] = [hist, ent, diff, bytes, classes, digram, stats];

/** What a daemon says of the services that it can start itself. */
export const builtinDescriptors: readonly Descriptor[] = builtinServices.map(({ descriptor }) => descriptor);
