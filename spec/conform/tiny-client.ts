/**
 * A client in one file, right unless it is told one fault: `node tiny-client.js DIALECT ENDPOINT SERVICE FILE FAULT`. It
 * ends with 0 where it had a FINAL.
 */
import { Dealer } from 'zeromq';
import { clientId } from '../../conform/broker-world.js';
import { type MapValue, pack, unpack } from '../../conform/msgpack.js';
import { readNpy } from '../../conform/npy.js';
import { commandOf, empty, type Frames, headerOf, message, textOf } from '../../conform/wire.js';

const [dialect, endpoint, service, file, fault] = process.argv.slice(2) as [string, string, string, string, string];
const header = dialect === 'v2' ? 'BXMC02' : 'MDPC02';
const id = clientId();
const has = (name: string): boolean => fault === name;

let socket: Dealer;
let heartbeatMs = 1000;
let heardMs = 0;
let epoch = '';
let request = 1;
let isOpen = true;
let timer: NodeJS.Timeout | undefined;
let sends: Promise<unknown> = Promise.resolve();

function raw(frames: Frames): void {
  const to = socket;
  sends = sends.then(() => to.send([...frames] as Buffer[])).catch(() => undefined);
}

const say = (command: string, ...rest: (MapValue | Uint8Array | string)[]): void =>
  raw(message(header, command, ...rest));

function open(): void {
  epoch = '';
  heardMs = performance.now();
  socket = new Dealer({ linger: 500 });
  socket.connect(endpoint);
  void read(socket);
  if (dialect === 'mdp') {
    clearTimeout(timer);
    timer = setTimeout(again, 2000);
    return ask();
  }
  if (has('asks before HELLO')) ask();
  say('HELLO', { clientId: id });
  if (has('asks before WELCOME')) ask();
}

function again(): void {
  const old = socket;
  void sends.then(() => old.close());
  if (has('counts on when it asks again')) request++;
  setTimeout(open, has('comes back at once') ? 1 : 110);
}

function ask(): void {
  const path = has('names a relative path') ? 'file.bin' : file;
  if (dialect === 'v2') {
    say('REQUEST', service, { requestId: request, inputs: [[{ path: Buffer.from(path) }]], cells: 16 });
    if (has('uses a number twice')) say('REQUEST', service, { requestId: request, inputs: [[{ path: '/other' }]] });
    return;
  }
  const body = has('asks in words') ? Buffer.from('how often') : pack({ inputs: [Buffer.from(file)] });
  const frames = message(header, 'REQUEST', service, body);
  raw(has('has an envelope') ? [empty, ...frames] : frames);
  if (has('asks twice')) setTimeout(() => raw(frames), 500);
}

async function read(from: Dealer): Promise<void> {
  try {
    for await (const frames of from) if (from === socket) received(frames.map((frame) => Buffer.from(frame)));
  } catch {
    // Closed.
  }
}

function received(frames: Frames): void {
  heardMs = performance.now();
  const command = headerOf(frames) === header ? commandOf(frames) : '?';
  if (dialect === 'mdp') return plainReceived(command, frames);
  const { map, faults } = unpack(frames[command === 'PARTIAL' || command === 'FINAL' ? 3 : 2] ?? empty);
  if (command === 'HEARTBEAT') return;
  if (command === 'DISCONNECT') return has('ignores DISCONNECT') ? undefined : again();
  if (command === '?' || (faults.length > 0 && command !== 'DISCONNECT')) {
    return has('ignores what is invalid') ? undefined : end(1, 'E_PROTOCOL');
  }
  if (command === 'WELCOME') return welcome(map);
  if (map.requestId !== request && !has('takes any answer')) return;
  if (command === 'PARTIAL') return partial(frames);
  if (command === 'FINAL') return end(0, 'answered');
  if (command === 'ERROR') end(has('ends well on ERROR') ? 0 : 1, `${map.code}: ${map.message}`);
}

function welcome(map: MapValue): void {
  if (epoch !== '' && epoch !== map.epoch && !has('ignores other epochs')) return again();
  heartbeatMs = map.heartbeatMs as number;
  if (epoch !== '') return;
  epoch = String(map.epoch);
  ask();
  clearInterval(timer);
  timer = setInterval(tick, heartbeatMs * 0.8);
}

function partial(frames: Frames): void {
  if (has('fails on PARTIAL')) return end(1, 'no FINAL');
  const numbers = frames.slice(4).reduce((sum, frame) => sum + readNpy(frame).numbers.length, 0);
  if (numbers * 8 > 262_144 && !has('acknowledges nothing')) say('HEARTBEAT', { seen: request });
}

function tick(): void {
  if (performance.now() - heardMs > heartbeatMs * 5 && !has('waits for ever')) return again();
  if (!has('does not beat')) say('HEARTBEAT');
}

function plainReceived(command: string, frames: Frames): void {
  timer?.refresh();
  if (has('believes anything')) return end(0, 'answered');
  if (command === 'PARTIAL' && has('ends at PARTIAL')) return end(1, 'no FINAL');
  if (command !== 'FINAL') return;
  const isError = textOf(frames[3]) === 'BXERR02' && !has('has no eye for errors');
  end(isError ? 1 : 0, isError ? String(unpack(frames[4]!).map.message) : 'answered');
}

function end(code: number, word: string): void {
  if (!isOpen) return;
  isOpen = false;
  clearInterval(timer);
  process.stdout.write(`${word}\n`);
  if (dialect === 'v2' && !has('leaves without a word')) say('DISCONNECT');
  void sends.then(() => {
    socket.close();
    process.exitCode = code;
  });
}

process.on('SIGINT', () => {
  if (!has('leaves without a word')) say('CANCEL', { requestId: request });
  end(130, 'interrupted');
});
open();
