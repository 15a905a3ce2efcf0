#!/usr/bin/env node
/** The command line: `binglide hist FILE` and its kin. */
import { main } from './cli/program.js';

await main();
