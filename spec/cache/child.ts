/** What some specs run in a process of its own: `<same|nobody> <command> <argument…>`; prints JSON. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { blake3Hex } from '../../cache/hash.js';
import { Cache } from '../../cache/index.js';
import { measureInput } from '../../cache/inputs.js';
import { isBinglideError } from '../../protocol/index.js';
import { idA, nameOf, storeIn, wideKind } from './fixture.js';

const [user, command, path = ''] = process.argv.slice(2);

// All code is loaded before the rights go: the checkout may lie where only root can read.
blake3Hex(new Uint8Array(1));
if (user === 'nobody' && process.getuid?.() === 0) {
  process.setgroups?.([]);
  process.setgid?.(65_534);
  process.setuid?.(65_534);
}

async function run(): Promise<unknown> {
  switch (command) {
    case 'write': {
      const store = storeIn(path);
      const { kind, part } = wideKind(64 * 1024);
      const outcomes = [];
      for (let i = 0; i < 3; i++) {
        const name = nameOf([idA], i * 8192);
        outcomes.push(await store.write([idA], kind, name, { ...part, start: i * 8192, end: (i + 1) * 8192 }));
      }
      return { outcomes, counts: store.counts, listed: await store.list([idA], kind.digest) };
    }
    case 'write-on': {
      // Until it is killed; a character for every chunk that is there.
      const { kind, part } = wideKind(64 * 1024);
      const store = storeIn(path);
      for (let at = 0; ; at += 8192) {
        const span = { start: at, end: at + 8192 };
        if ((await store.write([idA], kind, nameOf([idA], at), { ...part, ...span })) === 'kept') {
          process.stdout.write('.');
        }
      }
    }
    case 'fill': {
      const store = storeIn(path);
      const outcomes = [];
      let readable = 0;
      for (let i = 0; i < 16; i++) {
        const name = nameOf([idA], i * 8192);
        const { kind, part } = wideKind((i + 1) * 8192);
        const placed = { ...part, start: i * 8192, end: (i + 1) * 8192 };
        outcomes.push(await store.write([idA], kind, name, placed));
        if (await store.read([idA], kind, name)) readable++;
      }
      const listed = await store.list([idA], wideKind(1).kind.digest);
      return { outcomes, scraps: await readdir(join(path, 'v1', 'tmp')), readable, listed: listed.length };
    }
    case 'measure':
      return measureInput(Buffer.from(path), undefined).then(
        ({ size }) => ({ size }),
        (error) => (isBinglideError(error) ? error.toFault() : { code: String(error) }),
      );
    case 'hash-and-end': {
      // Leaves while the thread still reads: nothing may keep the process.
      const cache = new Cache({ root: `${path}.cache`, settleMs: 0 });
      const measured = await cache.measure(Buffer.from(path));
      cache.hash(measured, { urgent: false }).catch(() => undefined);
      return { begun: true };
    }
    default:
      throw new Error(`no command ${command}`);
  }
}

process.stdout.write(JSON.stringify(await run()));
