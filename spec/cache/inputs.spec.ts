import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, link, mkdir, readdir, rename, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { identityAt, isYoung, measureInput, pathText } from '../../cache/inputs.js';
import { isBinglideError } from '../../protocol/index.js';
import { freshFolder, inChild } from './fixture.js';

async function refusal(path: string | Uint8Array, roots?: string[]): Promise<string> {
  try {
    const { size } = await measureInput(Buffer.from(path as string), roots);
    return `${size} bytes`;
  } catch (error) {
    return isBinglideError(error) ? `${error.code}: ${error.message}` : String(error);
  }
}

describe('cache/inputs', () => {
  const folder = freshFolder();
  const at = (name: string) => join(folder(), name);

  it('leaves no file open, of those that it measures and of those that it refuses', async function () {
    if (process.platform !== 'linux') this.skip();
    await writeFile(at('open'), 'hello');
    const before = (await readdir('/proc/self/fd')).length;
    for (let i = 0; i < 50; i++) await refusal(at('open'));
    for (let i = 0; i < 50; i++) await refusal('/proc/self/status');
    // They are closed behind the answer.
    for (let i = 0; i < 100 && (await readdir('/proc/self/fd')).length > before + 5; i++) await sleep(10);
    expect((await readdir('/proc/self/fd')).length).to.be.at.most(before + 5);
  });

  it('measures a regular file: identity, size, provisional id, where it really is', async () => {
    await writeFile(at('file'), 'hello');
    await symlink(at('file'), at('link'));
    const measured = await measureInput(Buffer.from(at('link')), undefined);
    expect(measured.size).to.equal(5);
    expect(measured.identity).to.deep.equal(await identityAt(Buffer.from(at('file'))));
    expect(measured.id).to.match(/^~[0-9a-f]{32}$/);
    expect(Buffer.from(measured.path).toString()).to.equal(at('link'));
    expect(Buffer.from(measured.realPath).toString()).to.equal(at('file'));
    expect((await measureInput(Buffer.from(at('file')), undefined)).id).to.equal(measured.id);
  });

  it('measures an empty file, a sparse terabyte and a name that is no UTF-8', async () => {
    await writeFile(at('empty'), '');
    expect(await refusal(at('empty'))).to.equal('0 bytes');
    await writeFile(at('sparse'), '');
    await truncate(at('sparse'), 2 ** 40);
    expect(await refusal(at('sparse'))).to.equal(`${2 ** 40} bytes`);
    const odd = Buffer.concat([Buffer.from(at('a')), Buffer.of(0xff, 0x0a), Buffer.from('b')]);
    await writeFile(odd, 'x');
    expect(await refusal(odd)).to.equal('1 bytes');
    expect(pathText(odd)).to.equal(`${at('a')}\ufffd?b`);
  });

  it('gives another id to every other state of a file', async () => {
    const ids = new Set<string>();
    const look = async () => ids.add((await measureInput(Buffer.from(at('file')), undefined)).id);
    await writeFile(at('file'), 'one');
    await look();
    await writeFile(at('file'), 'longer');
    await look();
    await utimes(at('file'), 1, 1);
    await look();
    await writeFile(at('other'), 'longer');
    await utimes(at('other'), 1, 1);
    await rename(at('other'), at('file'));
    await look();
    expect(ids.size).to.equal(4);
  });

  it('says what is missing or is no file, in one line with the path', async () => {
    await writeFile(at('file'), 'x');
    await mkdir(at('dir'));
    await symlink('round', at('round'));
    await symlink(at('nowhere'), at('dangling'));
    expect(await refusal(at('none'))).to.equal(`E_NOT_FOUND: ${at('none')}: no such file`);
    expect(await refusal(at('file/below'))).to.equal(`E_NOT_FOUND: ${at('file/below')}: no such file`);
    expect(await refusal(at('dangling'))).to.equal(`E_NOT_FOUND: ${at('dangling')}: no such file`);
    expect(await refusal(at('round'))).to.match(/^E_NOT_FOUND: .*circle$/);
    expect(await refusal(at('x'.repeat(300)))).to.match(/^E_NOT_FOUND: .*too long$/);
    expect(await refusal(at('nul\0nul'))).to.match(/^E_NOT_FOUND: .*NUL$/);
    expect(await refusal(at('new\nline'))).to.equal(`E_NOT_FOUND: ${at('new?line')}: no such file`);
    expect(await refusal(at('dir'))).to.equal(`E_DIRECTORY: ${at('dir')} is a directory; -r takes the files in it`);
  });

  it('says that a file may not be read', async () => {
    await writeFile(at('secret'), 'x');
    await chmod(at('secret'), 0);
    expect(inChild(['measure', at('secret')], { nobody: true })).to.deep.equal({
      code: 'E_ACCESS',
      message: `${at('secret')}: no permission to read it`,
    });
    await mkdir(at('closed'), { mode: 0o700 });
    await writeFile(at('closed/file'), 'x');
    await chmod(at('closed'), 0);
    expect(inChild(['measure', at('closed/file')], { nobody: true })).to.have.property('code', 'E_ACCESS');
    await chmod(at('closed'), 0o700);
  });

  it('refuses pipes without waking whoever waits to write into them', async () => {
    spawnSync('mkfifo', [at('fifo')]);
    expect(await refusal(at('fifo'))).to.equal(`E_NOT_SEEKABLE: ${at('fifo')} is a pipe; save it to a file first`);
    // A writer that blocks in open: were the pipe opened here, it would go on and end.
    const writer = spawn('sh', ['-c', 'echo ready; echo x > "$0"; echo woken', at('fifo')]);
    let said = '';
    writer.stdout.on('data', (data) => (said += data));
    await once(writer.stdout, 'data');
    await refusal(at('fifo'));
    const ended = once(writer, 'close');
    writer.kill('SIGKILL');
    await ended;
    expect(said).to.equal('ready\n');
  });

  it('refuses /dev/fd/N of a pipe, sockets and devices', async () => {
    const seen = spawnSync('sh', ['-c', 'true | exec "$0" -e "$1" "$2"', process.execPath, probe, moduleUrl], {
      encoding: 'utf8',
    });
    expect(seen.stdout).to.equal('E_NOT_SEEKABLE: /dev/fd/0 is a pipe; save it to a file first');
    const server = createServer().listen(at('socket'));
    await once(server, 'listening');
    expect(await refusal(at('socket'))).to.equal(
      `E_NOT_SEEKABLE: ${at('socket')} is a socket; save it to a file first`,
    );
    server.close();
    expect(await refusal('/dev/zero')).to.equal(
      'E_NOT_SEEKABLE: /dev/zero is a character device; save it to a file first',
    );
  });

  it('refuses files that say they are empty and are not', async () => {
    expect(await refusal('/proc/cpuinfo')).to.equal(
      'E_NOT_SEEKABLE: /proc/cpuinfo does not tell its size; save it to a file first',
    );
  });

  it('takes only what lies in the roots once links are resolved', async () => {
    await mkdir(at('root'));
    await mkdir(at('rooted'));
    await symlink(at('root'), at('alias'));
    await writeFile(at('root/in'), 'x');
    await writeFile(at('rooted/out'), 'x');
    await symlink(at('rooted/out'), at('root/escape'));
    await link(at('rooted/out'), at('root/hard'));
    const outside = (name: string) =>
      `E_OUTSIDE_ROOTS: ${at(name)} is outside the folders that are served: ${at('root')}`;
    expect(await refusal(at('root/in'), [at('root')])).to.equal('1 bytes');
    expect(await refusal(at('alias/in'), [at('root')])).to.equal('1 bytes');
    expect(await refusal(at('root/in'), [at('nowhere'), at('alias')])).to.equal('1 bytes');
    expect(await refusal(at('root/in'), ['/'])).to.equal('1 bytes');
    expect(await refusal(at('root/hard'), [at('root')])).to.equal('1 bytes');
    expect(await refusal(at('rooted/out'), [at('root')])).to.equal(outside('rooted/out'));
    expect(await refusal(at('root/escape'), [at('root')])).to.equal(outside('root/escape'));
    expect(await refusal(at('root/../rooted/out'), [at('root')])).to.match(/^E_OUTSIDE_ROOTS/);
    expect(await refusal(at('root/in'), [])).to.match(/^E_OUTSIDE_ROOTS/);
  });

  it('calls a file young for two seconds after either of its times, and while one is ahead', async () => {
    const second = 1_000_000_000n;
    const identity = (mtime: bigint, ctime: bigint) => ({
      dev: '1',
      ino: '1',
      size: 1,
      mtimeNs: String(mtime * second),
      ctimeNs: String(ctime * second),
    });
    const now = 1000_000;
    expect(isYoung(identity(997n, 997n), now, 2000)).to.equal(false);
    expect(isYoung(identity(998n, 990n), now, 2000)).to.equal(false);
    expect(isYoung(identity(999n, 990n), now, 2000)).to.equal(true);
    expect(isYoung(identity(990n, 999n), now, 2000)).to.equal(true);
    expect(isYoung(identity(5000n, 990n), now, 2000)).to.equal(true);
    await writeFile(at('file'), 'x');
    expect((await measureInput(Buffer.from(at('file')), undefined, 60_000)).young).to.equal(true);
  });
});

const moduleUrl = new URL('../../cache/inputs.js', import.meta.url).href;
const probe = `import(process.argv[1]).then(({ measureInput }) => measureInput(Buffer.from('/dev/fd/0'), undefined))
  .catch((error) => process.stdout.write(error.code + ': ' + error.message))`;
