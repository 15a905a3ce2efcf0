/**
 * The files that a command is about: named, found in folders (-r), or listed on standard input (--files-from). Paths
 * are bytes wherever they did not come as text, so that any name that a disk can hold can be asked about.
 */
import { createReadStream } from 'node:fs';
import { opendir, realpath, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { inputError, pathText } from '../../cache/inputs.js';
import { fail } from '../../protocol/errors.js';

export interface FileChoice {
  readonly files: readonly string[];
  readonly recursive: boolean;
  /** A file of names, `-` for standard input. */
  readonly filesFrom?: string;
  /** Names there end with NUL instead of a line end. */
  readonly nulls: boolean;
}

export type Path = string | Uint8Array;

/** A file, or what went wrong where one was looked for. */
export type Found =
  | { readonly kind: 'file'; readonly path: Path }
  | { readonly kind: 'failed'; readonly path: Path; readonly error: unknown };

/** More than one answer may come, so that every line has to say of which file it is. */
export function isMany({ files, recursive, filesFrom }: FileChoice): boolean {
  return files.length > 1 || recursive || filesFrom !== undefined;
}

/** In the order given; folders depth first by name. */
export async function* filesOf(choice: FileChoice, stdin: Readable = process.stdin): AsyncGenerator<Found> {
  for (const path of choice.files) yield* expanded(path, choice.recursive);
  if (choice.filesFrom === undefined) return;
  const source = choice.filesFrom === '-' ? stdin : createReadStream(choice.filesFrom);
  for await (const name of namesIn(source, choice)) yield* expanded(name, choice.recursive);
}

async function* expanded(path: Path, recursive: boolean): AsyncGenerator<Found> {
  if (recursive && (await isFolder(path))) yield* walk(Buffer.from(path));
  else yield { kind: 'file', path };
}

async function isFolder(path: Path): Promise<boolean> {
  const stats = await stat(Buffer.from(path)).catch(() => null);
  return stats?.isDirectory() ?? false;
}

/** Regular files only; links inside are not followed, so that nothing is met twice or for ever. */
async function* walk(folder: Buffer): AsyncGenerator<Found> {
  const entries: { name: Buffer; isFolder: boolean }[] = [];
  try {
    // The types know no encoding but text here.
    for await (const entry of await opendir(folder as unknown as string, { encoding: 'buffer' as BufferEncoding })) {
      const isFolder = entry.isDirectory();
      if (isFolder || entry.isFile()) entries.push({ name: entry.name as unknown as Buffer, isFolder });
    }
  } catch (error) {
    yield { kind: 'failed', path: folder, error: inputError(pathText(folder), error) };
    return;
  }
  entries.sort((a, b) => Buffer.compare(a.name, b.name));
  for (const { name, isFolder } of entries) {
    const path = joined(folder, name);
    if (isFolder) yield* walk(path);
    else yield { kind: 'file', path };
  }
}

function joined(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat(folder.at(-1) === 0x2f ? [folder, name] : [folder, Buffer.from('/'), name]);
}

async function* namesIn(source: Readable, { filesFrom, nulls }: FileChoice): AsyncGenerator<Buffer> {
  const end = nulls ? 0 : 0x0a;
  let rest = Buffer.alloc(0);
  try {
    for await (const chunk of source) {
      rest = Buffer.concat([rest, Buffer.from(chunk as Uint8Array)]);
      for (let at = rest.indexOf(end); at >= 0; at = rest.indexOf(end)) {
        if (at > 0) yield rest.subarray(0, at);
        rest = rest.subarray(at + 1);
      }
    }
  } catch (error) {
    throw inputError(`--files-from ${filesFrom}`, error);
  }
  if (rest.length > 0) yield rest;
}

/** Its length; throws the typed error that reading it would end in. */
export async function fileBytes(path: Path): Promise<number> {
  try {
    return (await stat(Buffer.from(path))).size;
  } catch (error) {
    throw inputError(nameOf(path), error);
  }
}

/** As people see it. */
export function nameOf(path: Path): string {
  return typeof path === 'string' ? path : pathText(path);
}

/**
 * The path to send. /dev/stdin and its kin name another file in each process, so they are looked up in this one.
 */
export async function pathToSend(path: Path): Promise<Path> {
  if (path === '-') throw fail('E_NOT_SEEKABLE', '- is standard input, a stream; save it to a file first');
  if (typeof path !== 'string' || !/^\/(dev\/(std(in|out|err)$|fd\/)|proc\/(self|thread-self)\/)/.test(path))
    return path;
  const target = await realpath(path).catch(() => path);
  const isFile = await stat(target).then(
    (stats) => stats.isFile(),
    () => false,
  );
  if (isFile) return target;
  const stats = await stat(path).catch(() => null);
  if (!stats || stats.isDirectory()) return path;
  throw fail('E_NOT_SEEKABLE', `${path} is ${stats.isFIFO() ? 'a pipe' : 'no file'}; save it to a file first`);
}

/** What the path is called in errors of the broker. */
export function absoluteName(path: Path): string {
  const name = nameOf(path);
  return name.startsWith('/') ? name : `${process.cwd()}/${name}`.replaceAll('/./', '/');
}
