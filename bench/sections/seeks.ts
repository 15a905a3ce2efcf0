/** A disk with a head: how soon something is seen, and is the exact answer nearly as fast as reading from end to end? */
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { CellState, Report } from '../../client/index.js';
import { command } from '../children.js';
import { gib, mib } from '../corpus/file.js';
import { makeSparse } from '../corpus/sparse.js';
import { startDaemon } from '../daemon.js';
import { median } from '../measure.js';
import { buildSeekingDisk, type DiskMaker, type SeekingDisk } from '../peers/seeking-disk.js';
import { peerSource } from '../places.js';
import { atLeast, atMost, type Goal, type Row, type Table } from '../table.js';
import type { Bench } from './section.js';

const cells = 1024;
const disk = { seekMs: 10, mibPerSecond: 200 };
const longBytes = 4 * gib;
const firstMsMax = 2000;
const speedMin = 0.9;

/** What was seen of one answer; null: it has no such thing. */
interface Pass {
  /** To the first report that shows anything. */
  readonly firstMs: number | null;
  /** To the last report without an exact byte: more samples do not come. */
  readonly sampledMs: number | null;
  readonly cellsFilled: number | null;
  readonly sampledKib: number | null;
  readonly exactMs: number;
  readonly seeks: number;
  readonly readMib: number;
}

interface Contender {
  readonly name: string;
  readonly how: string;
  run(): Promise<Pass>;
}

export async function seeks(bench: Bench): Promise<Table[]> {
  const makeDisk = await buildSeekingDisk(bench.folder);
  if (!makeDisk) {
    const note = 'Left out: it needs Linux and a C compiler (`cc`).';
    bench.say(`seeks: ${note}`);
    return [{ title: 'A disk that seeks', note, columns: [], rows: [] }];
  }
  const sequential = join(bench.folder, 'sequential');
  await command('cc', ['-O2', '-o', sequential, peerSource('sequential.c')]);
  const mix = await bench.mixFile();
  const long = await makeSparse(bench.filesFolder, longBytes);
  // Into memory, so that nothing waits but for the disk that is made up.
  for (const file of [mix, long]) await command(sequential, [file]);
  const contenders = (file: string, services: readonly string[]) => [
    reading(makeDisk, file, sequential),
    ...services.map((service) => asking(bench, makeDisk, file, service)),
  ];
  return [
    await compared(bench, mix, contenders(mix, ['ENT', 'HIST']), bench.runs),
    // Its disk takes 20 s, whatever is done.
    await compared(bench, long, contenders(long, ['ENT']), 1),
  ];
}

function reading(makeDisk: DiskMaker, file: string, program: string): Contender {
  return {
    name: 'sequential read',
    how: '`pread` of 1 MiB from begin to end in C, a process',
    async run() {
      const head = await makeDisk({ file, ...disk });
      const { ms } = await command(program, [file], { env: head.env });
      const nothing = { firstMs: null, sampledMs: null, cellsFilled: null, sampledKib: null };
      return { ...nothing, exactMs: ms, ...(await workOf(head)) };
    },
  };
}

function asking(bench: Bench, makeDisk: DiskMaker, file: string, service: string): Contender {
  return {
    name: `binglide ${service}`,
    how: 'fresh daemon, 2 slots, client library, `cache: false`',
    async run() {
      const head = await makeDisk({ file, ...disk });
      const daemon = await startDaemon(bench, { env: head.env });
      try {
        return await ask(daemon.client.request({ service, inputs: [file], cells, cache: false }), head);
      } finally {
        await daemon.close();
      }
    },
  };
}

async function ask(job: AsyncIterable<unknown>, head: SeekingDisk): Promise<Pass> {
  const began = performance.now();
  let firstMs: number | null = null;
  let sampled: Pick<Pass, 'sampledMs' | 'cellsFilled' | 'sampledKib'> = {
    sampledMs: null,
    cellsFilled: null,
    sampledKib: 0,
  };
  for await (const one of job) {
    const report = one as Report;
    const ms = performance.now() - began;
    const sampledBytes = Number(report.fields.sampledBytes ?? 0);
    if (report.completion > 0 || sampledBytes > 0) firstMs ??= ms;
    if (report.completion === 0 && sampledBytes > 0) {
      sampled = { sampledMs: ms, cellsFilled: filledOf(report), sampledKib: sampledBytes / 1024 };
    }
  }
  return { firstMs, ...sampled, exactMs: performance.now() - began, ...(await workOf(head)) };
}

async function workOf(head: SeekingDisk): Promise<Pick<Pass, 'seeks' | 'readMib'>> {
  const { seeks, bytes } = await head.counted();
  return { seeks, readMib: bytes / mib };
}

/** Null: the service has no cells. */
function filledOf(report: Report): number | null {
  const cells = report.cells as { readonly state: readonly CellState[] } | undefined;
  return cells ? cells.state.filter((one) => one !== 'none').length : null;
}

async function compared(bench: Bench, file: string, contenders: readonly Contender[], runs: number): Promise<Table> {
  const passes = contenders.map((): Pass[] => []);
  for (let round = 0; round < runs; round++) {
    for (const [i, { name, run }] of contenders.entries()) {
      bench.say(`seeks: ${basename(file)}, ${name}`);
      passes[i]!.push(await run());
    }
  }
  const { size } = await stat(file);
  return {
    title: `${basename(file)}, ${(size / gib).toFixed(0)} GiB, on a disk with a head: ${disk.seekMs} ms a seek, ${disk.mibPerSecond} MiB/s`,
    note: `A preloaded library makes reads of the file, which is in the page cache, wait for the one head that all processes share; each run has a disk of its own. ${cells} cells. First: the first report that shows anything. Sampled: the last report without an exact byte, how many cells it fills and the bytes that it has seen. Medians over ${runs} ${runs === 1 ? 'run' : 'runs in turn'}; every run is counted.`,
    columns: [
      { name: 'first ms' },
      { name: 'sampled ms' },
      { name: 'cells filled' },
      { name: 'sampled KiB' },
      { name: 'exact ms' },
      { name: 'speed ÷ sequential read', digits: 2 },
      { name: 'speed ÷ the disk’s', digits: 2 },
      { name: 'seeks' },
      { name: 'read MiB' },
    ],
    rows: contenders.map((contender, i) => rowOf(contender, passes[i]!, { base: passes[0]!, size })),
  };
}

function rowOf(
  { name, how }: Contender,
  passes: readonly Pass[],
  { base, size }: { base: readonly Pass[]; size: number },
): Row {
  const middle = (key: keyof Pass): number | null => {
    const numbers = passes.map((pass) => pass[key]).filter((number) => number !== null);
    return numbers.length > 0 ? median(numbers) : null;
  };
  const speed = median(passes.map(({ exactMs }, round) => base[round]!.exactMs / exactMs));
  const [firstMs, exactMs] = [middle('firstMs'), middle('exactMs')!];
  const ofDisk = size / mib / disk.mibPerSecond / (exactMs / 1000);
  const goals: Goal[] = [];
  if (firstMs !== null) {
    goals.push(atMost(firstMsMax, firstMs, 'ms to the first'), atLeast(speedMin, speed, 'of the sequential read'));
  }
  const before = [firstMs, middle('sampledMs'), middle('cellsFilled'), middle('sampledKib')];
  return {
    what: name,
    figures: [...before, exactMs, speed, ofDisk, middle('seeks'), middle('readMib')],
    goals,
    how,
    samples: passes.map(({ exactMs }) => exactMs),
  };
}
