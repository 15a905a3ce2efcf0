/** The built-in services, a line each. */
import type { Descriptor } from '../../protocol/descriptor.js';
import type { AnyWorker } from '../service.js';
import { bytes } from './bytes.js';
import { diff } from './diff.js';
import { ent } from './ent.js';
import { hist } from './hist.js';

export const builtinServices: readonly AnyWorker[] = [hist, ent, diff, bytes];

/** What a daemon says of the services that it can start itself. */
export const builtinDescriptors: readonly Descriptor[] = builtinServices.map(({ descriptor }) => descriptor);
