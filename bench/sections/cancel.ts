/** How soon a cancelled job is over, with half of the publications lost; cancel/ has a file for each case. */
import { pan } from '../cancel/pans.js';
import { cancelQueued } from '../cancel/queued.js';
import { cancelRunning } from '../cancel/running.js';
import { startProbedDaemon } from '../cancel/slots.js';
import { gib } from '../corpus/file.js';
import { makeSparse } from '../corpus/sparse.js';
import type { Table } from '../table.js';
import type { Bench } from './section.js';

/** Of each kind; with 5 runs a thousand cancels together. */
const cancelsPerRun = 100;
const pansPerRun = 40;

export async function cancel(bench: Bench): Promise<Table[]> {
  const mix = await bench.mixFile();
  const sparse = await makeSparse(bench.filesFolder, 100 * gib);
  const subjects = ['PHIST', 'PENT', 'PDIGRAM'].flatMap((service) => [
    { service, file: mix },
    { service, file: sparse },
  ]);
  const count = bench.runs * cancelsPerRun;
  const daemon = await startProbedDaemon(bench);
  bench.say('cancel: running jobs');
  const running = await cancelRunning(daemon, subjects, count);
  bench.say('cancel: queued jobs');
  const queued = await cancelQueued(daemon, subjects, sparse, count);
  bench.say('cancel: pans');
  const pans = await pan(daemon, sparse, bench.runs * pansPerRun);
  await daemon.close();
  return [
    {
      title: 'Cancels at random moments, half of the publications dropped',
      note: 'HIST, ENT and DIGRAM with their own kernels and engine, which leave the moment behind after every batch; files in turn: the 1 GiB mix and 100 GiB sparse; 2 slots. Running: from `cancel()` to the end of the last batch of any kernel (0 where none ended later). Queued: all slots are held by another client’s job; until the broker’s confirmation, or to the last batch if any was computed after all.',
      columns: [
        { name: 'cancels' },
        { name: 'p50 ms', digits: 1 },
        { name: 'p99 ms', digits: 1 },
        { name: 'max ms', digits: 1 },
      ],
      rows: [...queued, ...running],
    },
    {
      title: 'Pans',
      note: 'Each request for ENT of 10 GiB cancels the one before, unawaited; another client asks for the list of jobs all the while.',
      columns: [{ name: 'looks' }, { name: 'mean live jobs', digits: 2 }, { name: 'most' }],
      rows: [pans],
    },
  ];
}
