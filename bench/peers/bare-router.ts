/**
 * The least that a broker costs with this binding of ZeroMQ: a ROUTER that hands whoever answers the same task again, and
 * decodes, merges and knows nothing. Its peers hold two tasks each and compute for as long as they are told.
 *
 * `bare-router.js router ENDPOINT` prints a line once it is bound, and tells its parent, when asked, how many answers came;
 * `bare-router.js worker ENDPOINT MS`.
 */
import { Dealer, Router } from 'zeromq';

/** What a task and the part of HIST are in bytes, frame by frame. */
const task = [6, 1, 400].map((bytes) => Buffer.alloc(bytes));
const part = [6, 1, 160, 2176].map((bytes) => Buffer.alloc(bytes));
const held = 2;
/** It writes through memory as a task reads through it. */
const memoryBytes = 64 << 20;
const pieceBytes = 1 << 20;

async function route(endpoint: string): Promise<void> {
  const router = new Router({ sendTimeout: 0, linger: 0 });
  await router.bind(endpoint);
  process.stdout.write('bound\n');
  let answers = 0;
  process.on('message', () => process.send!(answers));
  for await (const [id] of router) {
    answers++;
    await router.send([id!, ...task]);
  }
}

async function work(endpoint: string, taskMs: number): Promise<void> {
  const dealer = new Dealer({ linger: 0 });
  dealer.connect(endpoint);
  const memory = new Uint8Array(memoryBytes);
  let at = 0;
  for (let i = 0; i < held; i++) await dealer.send(part);
  for await (const _ of dealer) {
    const end = performance.now() + taskMs;
    while (performance.now() < end) {
      memory.fill(at & 255, at, at + pieceBytes);
      at = (at + pieceBytes) % memoryBytes;
    }
    await dealer.send(part);
  }
}

const [role, endpoint, taskMs] = process.argv.slice(2);
await (role === 'router' ? route(endpoint!) : work(endpoint!, Number(taskMs)));
