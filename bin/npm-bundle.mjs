// After the compiler: each program and thread as one file in dist/bundle, which node loads in half the time of the many
// that it is made of. Files that are looked for beside a module (another program, a thread, the kernels) stand there too.
//
// What is to answer soon is in scripts (NAME.cjs), for which V8 can keep what it made of them (NAME.code, by
// npm-code.mjs); NAME.js runs them (bin/launch.ts).
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { bundled, dist, scripts } from './npm-common.mjs';

// Native code stays where it was installed. The class of errors stays the one that authors of services throw, and what
// imports their modules is a module.
const external = [
  'zeromq',
  'blake3',
  'koffi',
  '@napi-rs/blake-hash',
  dist('protocol/errors.js'),
  dist('workers/import-module.js'),
];
// Packages of the older kind ask for node's own modules so.
const requireBanner =
  "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);";
const common = { bundle: true, platform: 'node', target: 'node20', logLevel: 'warning', external };

/** The command line begins before its program is loaded. */
const programApart = {
  name: 'program-apart',
  setup: ({ onResolve }) =>
    onResolve({ filter: /\/cli\/program\.js$/ }, () => ({ path: './program.js', external: true })),
};

const asModule = (file, options = {}) =>
  build({
    ...common,
    entryPoints: [dist(file)],
    outdir: dist('bundle'),
    entryNames: '[name]',
    format: 'esm',
    loader: { '.wasm': 'copy' },
    ...options,
  });

/** A function of what launch.ts gives; its first line names what it is, for V8 compares no more than lengths. */
async function asScript(name, file) {
  const { outputFiles } = await build({
    ...common,
    entryPoints: [dist(file)],
    write: false,
    format: 'cjs',
    define: { 'import.meta.url': '__url' },
  });
  // ASCII: comments and expressions keep what a charset does not reach, and mean the same so.
  const escaped = (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const body = outputFiles[0].text.replace(/^#!.*\n/, '').replace(/[^\0-\x7f]/g, escaped);
  const script = `(function (require, module, exports, __url) {\n${body}\n})`;
  const id = createHash('sha256').update(script).digest('hex');
  writeFileSync(bundled(`${name}.cjs`), `// ${id}\n${script}`);
}

/** The module that runs the script. */
async function asLauncher(name, exported) {
  await build({
    ...common,
    stdin: {
      contents:
        "import { launch } from '../bin/launch.js';\n" +
        `${exported ? `export const { ${exported} } = ` : ''}launch('${name}', import.meta.url);\n`,
      resolveDir: dist('bundle'),
    },
    outfile: bundled(`${name}.js`),
    format: 'esm',
  });
}

await asModule('bin/binglide.js', { plugins: [programApart] });
for (const file of [
  'bin/binglide-broker.js',
  'bin/binglide-worker.js',
  'bin/binglide-conform.js',
  'bin/ts-loader.js',
  'bin/ts-hooks.js',
  'workers/kernels/kernels.wasm',
  'cache/hash-thread.js',
]) {
  await asModule(file, { banner: { js: requireBanner } });
}
for (const { name, file, exported } of scripts) {
  await asScript(name, file);
  await asLauncher(name, exported);
}
