/**
 * A worker of HIST in a process of its own, to be killed: `node raw-worker.js ENDPOINT hold|work`. `hold` takes tasks and
 * never answers; `work` reads the file and answers. A line `task` is printed for each task taken.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { Dealer } from 'zeromq';
import { decodeToWorker, encodeFromWorker, encodePart, type FromWorker, type SlotId } from '../../protocol/index.js';
import { builtinDescriptors } from '../../workers/services/index.js';

const [endpoint, mode] = process.argv.slice(2) as [string, string];
const hist = builtinDescriptors[0]!;
const socket = new Dealer({ linger: 0 });
socket.connect(endpoint);

const say = (message: FromWorker) => socket.send(encodeFromWorker(message));

await say({ kind: 'ready', descriptor: hist, slot: `raw.${process.pid}` as SlotId, credit: 2 });
process.stdout.write('ready\n');
for await (const frames of socket) {
  const message = decodeToWorker(frames);
  if (message.kind !== 'assign') continue;
  process.stdout.write('task\n');
  if (mode === 'hold') continue;
  const { attempt, epoch, task } = message;
  if (task.kind === 'finish') throw new Error('HIST has no finish');
  const [start, end] = task.runs[0]!;
  const bytes = Buffer.alloc(end - start);
  const file = openSync(Buffer.from(task.inputs[0]!.path), 'r');
  readSync(file, bytes, 0, bytes.length, start);
  closeSync(file);
  const counts = new Float64Array(256);
  for (const byte of bytes) counts[byte]!++;
  const part = encodePart(hist.fields, { start, end, cellBytes: 0, columns: { counts } });
  await say({ kind: 'taskFinal', attempt, epoch, part, work: { bytesRead: bytes.length, ms: 1 } });
}
