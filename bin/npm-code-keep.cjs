// Loaded before a bundled program, and into its threads: writes what V8 made of each script (bin/launch.ts) beside it,
// again and again while it runs, for what a script does is compiled as it does it. Only npm-code.mjs loads this.
const { renameSync, writeFileSync } = require('node:fs');
const { fileURLToPath } = require('node:url');
const v8 = require('node:v8');
const vm = require('node:vm');
const { threadId } = require('node:worker_threads');

const everyMs = 100;
// Code is good for one set of flags: for none.
v8.setFlagsFromString = () => undefined;

vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    const file = fileURLToPath(options.filename).replace(/cjs$/, 'code');
    const half = `${file}.${process.pid}.${threadId}`;
    const head = source.slice(0, source.indexOf('\n') + 1);
    setInterval(() => {
      writeFileSync(half, Buffer.concat([Buffer.from(head, 'latin1'), this.createCachedData()]));
      renameSync(half, file);
    }, everyMs).unref();
  }
};
