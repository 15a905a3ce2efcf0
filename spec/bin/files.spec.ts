/** Which files a command is about. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { type FileChoice, filesOf, isMany, nameOf, pathToSend } from '../../bin/cli/files.js';
import { isBinglideError } from '../../protocol/index.js';

const plain: FileChoice = { files: [], recursive: false, nulls: false };

describe('files of a command', () => {
  let folder: string;
  const listed = async (choice: Partial<FileChoice>, stdin = '') => {
    const names: string[] = [];
    for await (const found of filesOf({ ...plain, ...choice }, Readable.from([Buffer.from(stdin, 'latin1')]))) {
      names.push(`${found.kind === 'failed' ? '!' : ''}${nameOf(found.path).replace(folder, '')}`);
    }
    return names;
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'binglide-spec-'));
    await mkdir(join(folder, 'b', 'deep'), { recursive: true });
    for (const name of ['z', 'a', 'b/two', 'b/deep/one']) await writeFile(join(folder, name), 'x');
    await writeFile(Buffer.from(`${folder}/b/\xff\xfe`, 'latin1'), 'x');
    await symlink(join(folder, 'b'), join(folder, 'loop'));
    await symlink(join(folder, 'z'), join(folder, 'link'));
  });
  after(() => rm(folder, { recursive: true }));

  it('are those named, folders included, unless -r', async () => {
    expect(await listed({ files: ['x', folder] })).to.deep.equal(['x', '']);
  });

  it('are with -r the regular files of folders, by name, links not followed', async () => {
    expect(await listed({ files: ['x', folder], recursive: true })).to.deep.equal([
      'x',
      '/a',
      '/b/deep/one',
      '/b/two',
      '/b/\ufffd\ufffd',
      '/z',
    ]);
  });

  it('keep names that are no UTF-8', async () => {
    const paths = [];
    for await (const { path } of filesOf({ ...plain, files: [join(folder, 'b')], recursive: true })) paths.push(path);
    expect(Buffer.from(paths.at(-1)!).toString('latin1')).to.equal(`${folder}/b/\xff\xfe`);
  });

  it('are read from a list, one a line or ended by NUL', async () => {
    expect(await listed({ filesFrom: '-' }, 'a\n\nb c\nlast')).to.deep.equal(['a', 'b c', 'last']);
    expect(await listed({ filesFrom: '-', nulls: true }, 'a\nb\0c\0')).to.deep.equal(
      ['a\nb', 'c'].map((name) => name.replace('\n', '?')),
    );
    expect(await listed({ files: ['x'], filesFrom: '-', recursive: true }, folder)).to.include('/b/two');
  });

  it('say what is wrong with a list that is not there', async () => {
    const error = await listed({ filesFrom: join(folder, 'none') }).catch((thrown: unknown) => thrown);
    expect(isBinglideError(error) && error.code).to.equal('E_NOT_FOUND');
  });

  it('ask for a name on each line as soon as there may be two', () => {
    expect(isMany({ ...plain, files: ['a'] })).to.equal(false);
    expect(isMany({ ...plain, files: ['a', 'b'] })).to.equal(true);
    expect(isMany({ ...plain, files: ['a'], recursive: true })).to.equal(true);
    expect(isMany({ ...plain, filesFrom: '-' })).to.equal(true);
  });

  it('refuse streams', async () => {
    const error = await pathToSend('-').catch((thrown: unknown) => thrown);
    expect(isBinglideError(error) && error.code).to.equal('E_NOT_SEEKABLE');
    expect(await pathToSend('a/../b')).to.equal('a/../b');
  });
});
