#!/usr/bin/env node
/** The command line: `binglide hist FILE` and its kin. */
import { beginThreads } from './early-threads.js';

const begun = beginThreads(process.argv.slice(2));
const { main } = await import('./cli/program.js');
await main(begun);
