import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';

/** A process that ends with 7, holding something that is closed so. */
async function ended(close: string): Promise<[number | null, string | null]> {
  const url = new URL('../../bin/held.js', import.meta.url).href;
  // The timer keeps it alive, as a thread does.
  const script = `import { endProcess, hold } from ${JSON.stringify(url)};
    setInterval(() => {}, 1000);
    hold({ close: ${close} });
    await endProcess(7, 200);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
  return (await once(child, 'exit')) as [number | null, string | null];
}

describe('bin/held: the end of a process', () => {
  it('is the one that was meant where all lets go', async () => {
    expect(await ended('async () => {}')).to.deep.equal([7, null]);
  });

  it('comes by force where something does not', async () => {
    expect(await ended('() => new Promise(() => {})')).to.deep.equal([null, 'SIGKILL']);
  });
});
