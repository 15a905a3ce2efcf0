/** Files that are made once and found again by the next bench: content follows from the name and the size alone. */
import { type FileHandle, open, rename, stat } from 'node:fs/promises';

export const mib = 2 ** 20;
export const gib = 2 ** 30;

/** The path, after `write` has filled it where it was not there with this size. Sparse where nothing is written. */
export async function madeOnce(
  path: string,
  bytes: number,
  write: (file: FileHandle) => Promise<void>,
): Promise<string> {
  const size = await stat(path).then(
    (stats) => stats.size,
    () => -1,
  );
  if (size === bytes) return path;
  // Another bench may be making it as well: whole files take the place of each other.
  const part = `${path}.part-${process.pid}`;
  const file = await open(part, 'w');
  try {
    await file.truncate(bytes);
    await write(file);
  } finally {
    await file.close();
  }
  await rename(part, path);
  return path;
}
