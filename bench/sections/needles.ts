/** Is an anomaly of 4 KiB in 1 GiB of zeros seen at every zoom? */
import { join } from 'node:path';
import type { Client, EntFields } from '../../client/index.js';
import { haystackBytes, makeHaystack, needleBytes } from '../corpus/needles.js';
import { startDaemon } from '../daemon.js';
import { atLeast, type Table } from '../table.js';
import type { Bench } from './section.js';

const cells = 1024;
/** Bits: a needle that is split in half by a block's border still has about 4.95 in each. */
const seenFrom = 4.8;
const zoomBytesMin = 65_536;

export async function needles(bench: Bench): Promise<Table[]> {
  const { path, needles } = await makeHaystack(bench.filesFolder);
  const daemon = await startDaemon(bench, { cacheDir: join(bench.folder, 'needles') });
  const whole = await exactCells(daemon.client, path, [0, haystackBytes]);
  const rows = [
    row(
      'whole',
      haystackBytes,
      needles.map((needle) => highest(whole, needle)),
    ),
  ];
  for (let bytes = haystackBytes / 10; bytes > zoomBytesMin / 10; bytes /= 10) {
    const length = Math.max(zoomBytesMin, Math.round(bytes));
    const maxima: number[] = [];
    for (const needle of needles) {
      maxima.push(highest(await exactCells(daemon.client, path, around(needle, length)), needle));
    }
    rows.push(row('zoom', length, maxima));
  }
  await daemon.close();
  return [
    {
      title: 'Needles: 64 stretches of 4 KiB random bytes in 1 GiB of zeros',
      note: `ENT with ${cells} cells once exact, of the whole and of ranges around each needle; seen: the highest \`max\` of the cells that it lies in is at least ${seenFrom} bits.`,
      columns: [{ name: 'range, bytes' }, { name: 'asked' }, { name: 'seen' }, { name: 'lowest max, bits', digits: 2 }],
      rows,
    },
  ];
}

function row(what: string, length: number, maxima: readonly number[]): Table['rows'][number] {
  const seen = maxima.filter((max) => max >= seenFrom).length;
  return {
    what,
    figures: [length, maxima.length, seen, Math.min(...maxima)],
    goals: [atLeast(maxima.length, seen, 'seen')],
    samples: maxima,
  };
}

/** The needle is somewhere in the middle, inside the file. */
function around(needle: number, length: number): [number, number] {
  const start = Math.max(0, Math.min(haystackBytes - length, needle + needleBytes / 2 - Math.floor(length / 2)));
  return [start, start + length];
}

async function exactCells(client: Client, path: string, range: readonly [number, number]): Promise<EntFields['cells']> {
  return (await client.request({ service: 'ENT', inputs: [path], range, cells }).final()).cells;
}

/** Of the cells that the needle lies in, the highest block. */
function highest({ start, max }: EntFields['cells'], needle: number): number {
  let found = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < start.length; i++) {
    const cellEnd = start[i + 1] ?? Number.POSITIVE_INFINITY;
    if (cellEnd > needle && start[i]! < needle + needleBytes && max[i]! > found) found = max[i]!;
  }
  return found;
}
