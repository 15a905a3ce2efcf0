/** Where things are: the package, what the bench starts, and what it compiles. Seen from dist/bench/. */
import { fileURLToPath } from 'node:url';

export const packageRoot = fileURLToPath(new URL('../..', import.meta.url));
export const resultsFolder = `${packageRoot}bench/results`;

/** The command, as its users start it. */
export const commandProgram = fileURLToPath(new URL('../bundle/binglide.js', import.meta.url));
export const workerProgram = fileURLToPath(new URL('../bin/binglide-worker.js', import.meta.url));
export const daemonProgram = fileURLToPath(new URL('./daemon-process.js', import.meta.url));
export const bareRouterProgram = fileURLToPath(new URL('./peers/bare-router.js', import.meta.url));
export const probesModule = fileURLToPath(new URL('./cancel/probes.js', import.meta.url));

/** A peer's source, which is not built: it lies in the tree. */
export const peerSource = (name: string) => `${packageRoot}bench/peers/${name}`;
