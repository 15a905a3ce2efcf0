import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  cpSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { findHoles } from '../../cache/holes.js';
import { describeChange, provisionalId, sameIdentity } from '../../cache/identity.js';
import type { TaskInput } from '../../protocol/messages.js';
import { field } from '../../workers/fields.js';
import { defineService } from '../../workers/service.js';
import { diff } from '../../workers/services/diff.js';
import { hist } from '../../workers/services/hist.js';
import { resolveRoots, Source } from '../../workers/source.js';
import { Random } from '../random.js';
import { compute, failureOf, hostOf, inputOf, Sandbox, taskOf } from './fixture.js';

const identity = { dev: '1', ino: '2', size: 3, mtimeNs: '4', ctimeNs: '5' };

describe('StatIdentity', () => {
  it('tells states of a file apart and has a name', () => {
    expect(sameIdentity(identity, { ...identity })).to.equal(true);
    for (const change of [{ dev: '9' }, { ino: '9' }, { size: 9 }, { mtimeNs: '9' }, { ctimeNs: '9' }]) {
      expect(sameIdentity(identity, { ...identity, ...change })).to.equal(false);
      expect(provisionalId({ ...identity, ...change })).to.not.equal(provisionalId(identity));
    }
    expect(provisionalId(identity)).to.match(/^~[0-9a-f]{32}$/);
    expect(describeChange(identity, { ...identity, size: 4 })).to.equal('grew');
    expect(describeChange(identity, { ...identity, size: 2 })).to.equal('shrank');
    expect(describeChange(identity, { ...identity, mtimeNs: '5' })).to.equal('changed');
  });
});

describe('inputs of a task', () => {
  const sandbox = new Sandbox();
  const host = hostOf(sandbox.folder);
  after(() => sandbox.remove());

  const failed = async (input: TaskInput, end = 0) => {
    const task = { ...taskOf({ paths: [], runs: [[0, end]] }), inputs: [input] };
    const { code, message } = await failureOf(hist, task, host);
    return `${code} ${message.replaceAll(sandbox.folder, '')}`;
  };
  const at = (path: string): TaskInput => ({ path: Buffer.from(path), identity });

  it('that are no regular files under the roots are typed errors that name the file', async () => {
    mkdirSync(sandbox.path('folder'));
    execFileSync('mkfifo', [sandbox.path('fifo')]);
    symlinkSync('/etc/passwd', sandbox.path('link'));
    symlinkSync('nowhere', sandbox.path('dangling'));
    expect(await failed(at(sandbox.path('missing')))).to.equal('E_NOT_FOUND /missing: no such file');
    expect(await failed(at(sandbox.path('dangling')))).to.equal('E_NOT_FOUND /dangling: no such file');
    expect(await failed(at(sandbox.path('folder')))).to.equal('E_DIRECTORY /folder is a folder');
    expect(await failed(at(sandbox.path('fifo')))).to.equal('E_NOT_SEEKABLE /fifo is a pipe');
    expect(await failed(at('/etc/passwd'))).to.equal('E_OUTSIDE_ROOTS /etc/passwd is outside the open folders');
    expect(await failed(at(sandbox.path('link')))).to.equal('E_OUTSIDE_ROOTS /link is outside the open folders');
    expect(await failed(at('relative'))).to.equal('E_PROTOCOL path relative is not absolute');
  });

  it('a folder whose name only begins like a root’s is outside', async () => {
    const beside = `${sandbox.folder}-beside`;
    mkdirSync(beside);
    try {
      expect(await failed(at(`${beside}/..${sandbox.folder.slice(sandbox.folder.lastIndexOf('/'))}/missing`))).to.match(
        /^E_NOT_FOUND/,
      );
      expect(await failed(at(beside))).to.match(/^E_OUTSIDE_ROOTS/);
    } finally {
      rmSync(beside, { recursive: true });
    }
  });

  it('devices, sockets and files of /proc that yield more than their size are not seekable', async () => {
    const everywhere = hostOf('/');
    const server = createServer().listen(sandbox.path('socket'));
    await new Promise((listening) => server.once('listening', listening));
    const codeOf = async (input: TaskInput) => {
      const error = await failureOf(hist, { ...taskOf({ paths: [], runs: [[0, 0]] }), inputs: [input] }, everywhere);
      return `${error.code} ${error.message.replaceAll(sandbox.folder, '')}`;
    };
    try {
      expect(await codeOf(at('/dev/zero'))).to.equal('E_NOT_SEEKABLE /dev/zero is a character device');
      expect(await codeOf(at(sandbox.path('socket')))).to.equal('E_NOT_SEEKABLE /socket is a socket');
      expect(await codeOf(inputOf('/proc/cpuinfo'))).to.equal(
        'E_NOT_SEEKABLE /proc/cpuinfo says that it is empty but yields bytes',
      );
    } finally {
      server.close();
    }
  });

  it('that are not what the task names have changed: grown, shrunk or written to', async () => {
    const path = sandbox.write('changing', 'four');
    const before = inputOf(path);
    sandbox.write('changing', 'longer');
    expect(await failed(before, 4)).to.equal('E_CHANGED /changing grew while it was read');
    truncateSync(path, 2);
    expect(await failed(before, 4)).to.equal('E_CHANGED /changing shrank while it was read');
    sandbox.write('changing', 'FOUR');
    expect(await failed(before, 4)).to.equal('E_CHANGED /changing changed while it was read');
  });

  it('that change while they are read are found out after the last byte, or where they end early', async () => {
    const path = sandbox.write('moving', Buffer.alloc(3 << 20));
    const disturb = (act: () => void) =>
      defineService({
        name: 'DISTURB',
        version: 1,
        fields: { seen: field.u8({ merge: 'sum' }) },
        compute(input, out) {
          if (input.start === 0) act();
          out.seen[0] = input.bytes;
        },
      });
    const errorAfter = async (act: () => void) => {
      const task = taskOf({ paths: [path], runs: [[0, 3 << 20]] });
      return (await failureOf(disturb(act), task, host)).message.replaceAll(sandbox.folder, '');
    };
    expect(await errorAfter(() => utimesSync(path, 1, 1))).to.equal('/moving changed while it was read');
    expect(await errorAfter(() => truncateSync(path, 1 << 20))).to.equal('/moving shrank while it was read');
  });

  it('of holes are the bytes that reading them gives, and are not read', async () => {
    const path = sandbox.path('holes');
    const file = openSync(path, 'w');
    ftruncateSync(file, 40 << 20);
    const island = new Random(3).bytes(300_000);
    writeSync(file, island, 0, island.length, (12 << 20) + 5);
    closeSync(file);
    const bytes = readFileSync(path);
    const source = new Source(inputOf(path), resolveRoots([sandbox.folder]));
    await source.learnHoles(async (...asked) => findHoles(...asked), 1 << 20, 39 << 20);
    const random = new Random(5);
    const target = new Uint8Array(4 << 20);
    let wanted = 0;
    for (let i = 0; i < 40; i++) {
      const start = random.chance(0.5) ? random.int(10 << 20, 14 << 20) : random.int(0, bytes.length - 1);
      const length = random.int(1, Math.min(target.length - 7, bytes.length - start));
      target.fill(255);
      if (random.chance(0.5)) source.read(target, 7, length, start);
      else await source.readAhead(target, 7, length, start);
      wanted += length;
      expect(
        Buffer.compare(target.subarray(7, 7 + length), bytes.subarray(start, start + length)),
        `${start}`,
      ).to.equal(0);
      expect([target[6], target[7 + length] ?? 255], 'beside it').to.deep.equal([255, 255]);
    }
    expect(source.bytesRead).to.be.within(1, wanted / 2);
    source.close();
  });

  it('of which the second is read further along have their holes there', async () => {
    const paths = ['one', 'two'].map((name) => sandbox.path(name));
    const island = new Random(9).bytes(100_000);
    for (const [i, path] of paths.entries()) {
      const file = openSync(path, 'w');
      ftruncateSync(file, 8 << 20);
      writeSync(file, island, 0, island.length, (2 << 20) + i * 1_000_000);
      closeSync(file);
    }
    const asked = { paths, runs: [[0, 6 << 20]], params: { gap: 0, shift: 1_000_000 } } as const;
    const ranges: [start: number, end: number][] = [];
    const find = async (fd: number, start: number, end: number) => {
      ranges.push([start, end]);
      return findHoles(fd, start, end);
    };
    const part = await compute(diff, asked, { ...host, findHoles: find });
    expect(ranges).to.deep.equal([
      [0, 6 << 20],
      [1_000_000, (6 << 20) + 1_000_000],
    ]);
    expect(part).to.deep.equal(await compute(diff, asked, host));
    expect(part.columns.changed![0], 'the islands are the same').to.equal(0);
  });

  it('that shrink or change while holes go by are found out long before the end', async () => {
    const path = sandbox.path('hollow');
    const size = 2 ** 40;
    const hollow = () => {
      closeSync(openSync(path, 'w'));
      truncateSync(path, size);
    };
    for (const act of [() => truncateSync(path, 5), () => utimesSync(path, 1, 1)]) {
      hollow();
      let seen = 0;
      const disturb = defineService({
        name: 'DISTURB',
        version: 1,
        fields: { seen: field.u8({ merge: 'sum' }) },
        compute(input) {
          if (seen === 0) act();
          seen += input.bytes;
        },
      });
      const knows = { ...host, findHoles: async (...asked: [number, number, number]) => findHoles(...asked) };
      const error = await failureOf(disturb, taskOf({ paths: [path], runs: [[0, size]] }), knows);
      expect(error.code).to.equal('E_CHANGED');
      expect(seen).to.be.below(size / 2);
    }
  });

  it('without permission are E_ACCESS', () => {
    // Root may read everything: as root, the file is opened by a process of another user, from a copy it can reach.
    const folder = mkdtempSync(join(tmpdir(), 'binglide-access-'));
    try {
      chmodSync(folder, 0o755);
      const dist = fileURLToPath(new URL('../../', import.meta.url));
      for (const part of ['workers', 'protocol', 'cache'])
        cpSync(join(dist, part), join(folder, part), { recursive: true });
      cpSync(join(dist, '..', 'package.json'), join(folder, 'package.json'), { dereference: true });
      const path = sandbox.write('secret', 'secret');
      chmodSync(path, 0);
      chmodSync(sandbox.folder, 0o755);
      const script = `
        import { Source } from ${JSON.stringify(join(folder, 'workers/source.js'))};
        try { new Source({ path: Buffer.from(${JSON.stringify(path)}), identity: {} }, [Buffer.from('/')]); }
        catch (error) { console.log(error.code); }`;
      const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
      const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
        ...user,
        cwd: '/',
        env: {},
      });
      expect(said.toString().trim()).to.equal('E_ACCESS');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
