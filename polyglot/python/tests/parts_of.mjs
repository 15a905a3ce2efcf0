// Parts as the TypeScript engine makes them: a list of {service, task} on stdin, their arrays in base64 on stdout.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const dist = pathToFileURL(`${process.argv[2]}/`).href;
const { runTask } = await import(`${dist}workers/engine.js`);
const { builtinServices } = await import(`${dist}workers/services/index.js`);
const { resolveRoots } = await import(`${dist}workers/source.js`);
const host = {
  roots: resolveRoots(['/']),
  signal: new AbortController().signal,
  isCancelled: () => false,
  progressed: () => {},
};
const answers = [];
for (const { service, task } of JSON.parse(readFileSync(0, 'utf8'))) {
  const inputs = task.inputs.map(({ path, identity }) => ({ path: new Uint8Array(Buffer.from(path)), identity }));
  const worker = builtinServices.find(({ descriptor }) => descriptor.name === service);
  const { part } = await runTask(worker, { ...task, inputs }, host);
  answers.push(
    Object.fromEntries(part.arrays.map((name, i) => [name, Buffer.from(part.frames[i]).toString('base64')])),
  );
}
process.stdout.write(JSON.stringify(answers));
