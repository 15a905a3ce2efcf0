/** Peers that do not keep to the specification: messages out of place, of others' jobs, of no sense at all. */
import {
  type Attempt,
  type Descriptor,
  type Epoch,
  encodeFromClient,
  encodeFromPlainWorker,
  encodeFromWorker,
  encodeToClient,
  type Frames,
  type JobId,
  type RequestId,
  type SlotId,
} from '../../protocol/index.js';
import type { Random } from '../random.js';
import { Process } from './clock.js';
import type { Dealer, Network } from './network.js';
import type { World } from './world.js';

const stranger: Descriptor = {
  name: 'STRANGER',
  version: 1,
  inputs: 1,
  help: '',
  params: [],
  overlap: 0,
  cached: false,
  fields: [{ name: 'x', dtype: 'u8', merge: 'sum', cells: false }],
  report: [],
};

function framesFrom(random: Random, jobIds: readonly JobId[]): Frames {
  const attempt = random.int(1, 60) as Attempt;
  const work = { bytesRead: 0, ms: 0 };
  const epoch = 'e1' as Epoch;
  const jobId = jobIds.length > 0 ? random.pick(jobIds) : ('1:a1' as JobId);
  const garbage = Array.from({ length: random.int(0, 5) }, () => random.bytes(random.int(0, 20)));
  return random.pick<() => Frames>([
    () => garbage,
    () => [Buffer.from('BXMW02'), Buffer.from([random.int(0, 12)]), ...garbage],
    () => [Buffer.from('BXMC02'), Buffer.from([random.int(0, 12)]), ...garbage],
    () => [Buffer.from('MDPW02'), Buffer.from([random.int(0, 7)]), ...garbage],
    () => encodeFromClient({ kind: 'clientCancel', jobId }),
    () => encodeFromClient({ kind: 'clientHeartbeat' }),
    () => encodeFromClient({ kind: 'rawRequest', requestId: 1 as RequestId, service: 'ECHO', body: [] }),
    () => encodeFromWorker({ kind: 'workerHeartbeat', attempt, bytesDone: 1e9 }),
    () => encodeFromWorker({ kind: 'taskFinal', attempt, epoch, part: { arrays: [], frames: [] }, work }),
    () => encodeFromWorker({ kind: 'taskError', attempt, epoch, work, fault: { code: 'E_SERVICE', message: 'rogue' } }),
    () => encodeFromWorker({ kind: 'ready', descriptor: stranger, slot: 's' as SlotId, credit: 1 }),
    () => encodeFromWorker({ kind: 'workerDisconnect' }),
    () => encodeFromPlainWorker({ kind: 'plainFinal', address: random.bytes(4), body: [] }),
    () => encodeFromPlainWorker({ kind: 'plainReady', service: 'STRANGE' }),
    () => encodeToClient({ kind: 'clientHeartbeat' }),
  ])();
}

/** So many messages within the first seconds, from a few sockets. */
export function throwRogues(
  world: World,
  network: Network,
  count: number,
  wishes: () => readonly { readonly jobId: string | undefined }[],
): void {
  const random = world.random.fork();
  const process = new Process(world, 'rogue');
  const dealers: Dealer[] = [];
  for (let i = 0; i < count; i++) {
    world.after(world.ms(0, 8000), () => {
      if (dealers.length < 3 || random.chance(0.1)) {
        dealers.push(network.connect({ process, received: () => {}, lost: () => {} }));
      }
      const jobIds = wishes().flatMap(({ jobId }) => (jobId === undefined ? [] : [jobId as JobId]));
      random.pick(dealers).send(framesFrom(random, jobIds));
    });
  }
}
