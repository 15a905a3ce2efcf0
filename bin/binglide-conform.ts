#!/usr/bin/env node
/** binglide-conform: is that a Majordomo broker, worker or client? */
import { main } from '../conform/cli.js';

process.exit(await main(process.argv.slice(2)));
