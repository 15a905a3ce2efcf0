/**
 * Programs for `binglide check`: some that are well, and some with one fault each, with the check that finds it. A row for
 * each; another language's is a file of its own, or a text with its own file name.
 */
import { join } from 'node:path';
import { packageRoot } from '../root.js';

export const local = (file: string) => new URL(file, import.meta.url);

/** A worker program in no way ours (services/raw.ts), with a fault as its source text. */
const raw = (faults: string) => `
import { rawWorker } from ${JSON.stringify(local('./services/raw.js').href)};
import { encodeNpy } from ${JSON.stringify(local('../../protocol/npy.js').href)};
rawWorker(${faults});
`;

/** An author's module: the members of its definition. */
export const author = (definition: string, before = '') => `
import { defineService, field, param, serve } from 'binglide/worker';
${before}
serve(defineService({ name: 'MINE', version: 1, ${definition} }));
`;

/** An author's class in Python: its members. */
const python = (members: string) => `import numpy as np
from binglide.worker import Service, field, param, serve

class Mine(Service):
    name = "MINE"
    version = 1
    row = 65536
${members}

if __name__ == "__main__":
    serve(Mine)
`;

/** A service that the Python package brings along. */
const inPython = (name: string) => join(packageRoot, 'polyglot', 'python', 'src', 'binglide', 'services', name);

/** A built-in service in the shoes of an author's. */
const twin = (name: string) => `
import { serve } from 'binglide/worker';
import { ${name} } from ${JSON.stringify(local(`../../workers/services/${name}.js`).href)};
serve(${name});
`;

export interface Program {
  readonly title: string;
  /** The program's name in the spec's folder and its text, or a file that is there. */
  readonly file?: string;
  readonly text?: string;
  /** Left out where there is none. */
  readonly needs?: 'python';
  readonly name?: string;
  /** Behind the program's name. */
  readonly args?: readonly string[];
}

interface Good extends Program {
  /** Checks that say nothing of this one. */
  readonly inapplicable: readonly string[];
}

interface Bad extends Program {
  /** The checks that fail, and no others; what builds on them is left out. */
  readonly fails: readonly string[];
  /** What the first of them says to its author. */
  readonly says: RegExp;
}

export const pairsOf = 'pairs: field.u8({ merge: "sum" })';

/** Set bits a cell, and what finish makes of them. */
const finishing = (outputs: string) =>
  author(`rowBytes: 65_536, fields: { ones: field.u8({ merge: 'sum', cells: true }) },
    compute(input, out) {
      for (let row = 0; row < input.rows; row++) for (const byte of input.row(row)) out.ones[row] += byte & 1;
    },
    finish: ({ ones }) => (${outputs})`);

const most = ['blocks', 'pairs', 'finish'];

export const good: readonly Good[] = [
  { title: 'PERIOD, which looks ahead', file: './services/period.js', inapplicable: ['blocks', 'pairs', 'finish'] },
  {
    title: 'PERIOD with its longest distance',
    file: './services/period.js',
    args: ['in/small.bin', '--max-lag', '40'],
    inapplicable: ['blocks', 'pairs', 'finish'],
  },
  { title: 'SHARES, which finishes', file: './services/shares.js', inapplicable: ['blocks', 'pairs'] },
  { title: 'a program that is not ours', text: raw('{}'), inapplicable: ['blocks', 'pairs', 'finish'] },
  { title: 'the twin of ENT, which has blocks', text: twin('ent'), inapplicable: ['pairs', 'finish'] },
  { title: 'the twin of DIFF, of two files', text: twin('diff'), inapplicable: ['blocks', 'finish', 'speed'] },
  {
    title: 'the twin of BYTES',
    text: twin('bytes'),
    inapplicable: ['parameters', 'blocks', 'pairs', 'finish', 'stays alive'],
  },
  {
    title: 'a service whose first bytes take long, and the others nothing',
    text: author(`fields: { ${pairsOf} },
      compute(input) {
        if (input.offset(0) === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
      }`),
    // The first estimate of its pace is a hundredth of what it is.
    inapplicable: ['parameters', 'blocks', 'pairs', 'finish'],
  },
  {
    title: 'a service that tests for nothing, and is ended from outside',
    text: author(`fields: { ${pairsOf} },
      compute(input) { if (input.end > 2 ** 26) for (;;); }`),
    // Its long task reads nothing before it spins.
    inapplicable: ['parameters', 'blocks', 'pairs', 'finish'],
  },
  { title: 'HIST in Python', needs: 'python', file: inPython('hist.py'), inapplicable: ['parameters', ...most] },
  { title: 'ENT in Python, with blocks', needs: 'python', file: inPython('ent.py'), inapplicable: ['pairs', 'finish'] },
  {
    title: 'PERIOD in Python, which looks ahead and finishes',
    needs: 'python',
    text: python(`    max_lag = param(8, low=1, high=300)
    overlap = "max_lag"
    matches = field("u8", shape=("max_lag",), merge="sum", cells=True)

    def compute(self, x, task):
        out = np.zeros((len(x), self.max_lag), "u8")
        for lag in range(1, self.max_lag + 1):
            m = max(0, min(task.own, x.shape[1] - lag))
            out[:, lag - 1] = np.count_nonzero(x[:, :m] == x[:, lag : lag + m], axis=1)
        return {"matches": out}

    def finish(self, part):
        return {"period": part.matches.argmax(-1) + 1, "score": part.matches.max(-1) / part.n}`),
    inapplicable: ['blocks', 'pairs'],
  },
  {
    title: 'a service in Python that tests for nothing, and is ended from outside',
    needs: 'python',
    text: python(`    pairs = field("u8", merge="sum")

    def compute(self, x, task):
        while task.offsets[0] > 2**26:
            pass
        return {"pairs": np.zeros(len(x), "u8")}`),
    inapplicable: ['parameters', ...most],
  },
];

/** Well, and slow. */
export const slow: Program = {
  title: 'takes many times its own function’s time',
  text: raw('{ bareMs: 0.001 }'),
  // Whole pieces are judged: the made file has some.
  args: [],
};

export const bad: readonly Bad[] = [
  {
    title: 'counts what begins in the overlap',
    text: author(`overlap: 8, rowBytes: 65_536, fields: { ${pairsOf} },
      compute(input, out) {
        for (let row = 0; row < input.rows; row++) {
          const bytes = input.ahead(row);
          for (let i = 0; i < bytes.length; i++) if (bytes[i] === bytes[i + 1]) out.pairs[0]++;
        }
      }`),
    fails: ['splits'],
    says: /^split \d+ of 24 .*: field pairs: wanted \d+, got \d+\n.*cut at 0x.*--seed 7 repeats it\nhint: .*is pairs counted twice in the overlap\?/s,
  },
  {
    title: 'looks no further than its row',
    text: author(`fields: { pairs: field.u8({ merge: "sum", cells: true }) },
      compute(input, out) {
        for (let row = 0; row < input.rows; row++) {
          const bytes = input.row(row);
          for (let i = 0; i < bytes.length; i++) if (bytes[i] === bytes[i + 1]) out.pairs[row]++;
        }
      }`),
    fails: ['splits'],
    says: /field pairs, cell 0x\w+:0x\w+: .*hint: .*declare an `overlap`/s,
  },
  {
    title: 'tells offsets in the row',
    text: author(`rowBytes: 4096, fields: { marked: field.run({ cells: true }) },
      compute(input, out) {
        for (let row = 0; row < input.rows; row++) {
          const { length } = input.row(row);
          out.marked.set([0, length, length, length, 0, length], 6 * row);
        }
      }`),
    fails: ['splits'],
    says: /field marked, .*hint: .*offsets in the file, not in the row/s,
  },
  {
    title: 'returns another kind of array',
    text: author(`fields: { ${pairsOf} }, compute(_, out) { out.pairs = new Float32Array(1); }`),
    fails: ['whole'],
    says: /MINE failed at 0x0: field pairs: wanted Float64Array of 1, got Float32Array of 1 \(E_SERVICE\)/,
  },
  {
    title: 'sends fractions where whole numbers rest',
    text: raw(`{ frames: ({ arrays, frames }) => ({
      arrays,
      frames: [frames[0], encodeNpy({ dtype: 'f8', shape: [1], data: Float64Array.of(0.5) })],
    }) }`),
    fails: ['whole'],
    says: /part field pairs: 0\.5 does not fit u8/,
  },
  {
    title: 'throws dice',
    text: author(`fields: { ${pairsOf} }, compute(_, out) { out.pairs[0] += Math.floor(Math.random() * 1e9); }`),
    fails: ['repeat'],
    says: /asked twice: field pairs: wanted \d+, got \d+\nhint: .*no random number/,
  },
  {
    title: 'remembers other tasks',
    text: author(`fields: { ${pairsOf} }, compute(_, out) { out.pairs[0] = ++tasks; }`, 'let tasks = 0;'),
    fails: ['repeat'],
    says: /nothing kept from other tasks/,
  },
  {
    title: 'ends when there is nothing to read',
    text: raw(`{ diesAt: 'empty' }`),
    fails: ['empty input'],
    says: /^an empty run: .*: the worker died \(exit code 3/,
  },
  {
    title: 'is told values by its descriptor that it cannot do',
    text: author(`params: { lag: param.int({ default: 3, min: 1, max: 64 }) }, fields: { ${pairsOf} },
      compute(_, __, { params }) { if (params.lag > 63) throw new RangeError('no table so long'); }`),
    fails: ['parameters'],
    says: /lag 64: .*RangeError: no table so long, \S+\.mjs:\d+ \(E_SERVICE\)\nhint: the descriptor allows lag 64/,
  },
  {
    title: 'knows no samples',
    text: raw(`{ ignores: 'samples' }`),
    fails: ['samples'],
    says: /RAW takes no samples \(E_PROTOCOL\)\nhint: .*opens long requests with samples/,
  },
  {
    title: 'counts the bytes of samples wrong',
    text: raw(`{ part(columns, { kind }) { if (kind === 'sample') columns.n[1] += 1; } }`),
    fails: ['samples'],
    says: /n of cell 0x10000:0x20000: wanted 16384 bytes, got 16385/,
  },
  {
    title: 'has intervals the wrong way round',
    text: raw(`{ part({ lo, hi }) { lo.fill(2); hi.fill(1); } }`),
    fails: ['samples'],
    says: /lo 2, hi 1/,
  },
  {
    title: 'finishes all rows into one',
    text: finishing('{ share: [ones.reduce((sum, count) => sum + count, 0)] }'),
    fails: ['finish'],
    says: /^finish of 6 rows .*MINE: finish returns 1 numbers of share; wanted a row for each of 6 rows.*hint: each array/s,
  },
  {
    title: 'finishes a row by its neighbours',
    text: finishing('{ share: ones.map((count) => count / Math.max(...ones)) }'),
    fails: ['finish'],
    says: /^output share, cell 0x0:0x10000: 0\.\d+ among other rows, 1 alone\nhint: finish is row-wise/,
  },
  {
    title: 'finishes whole numbers only',
    text: finishing('{ share: ones.map((count) => Number(BigInt(count))) }'),
    fails: ['finish'],
    says: /MINE failed in finish: RangeError: /,
  },
  {
    title: 'trusts that files stay as they are',
    text: raw(`{ ignores: 'identity' }`),
    fails: ['changed file'],
    says: /^a file that grew: wanted E_CHANGED, got a part\nhint: compare dev, ino, size/,
  },
  {
    title: 'goes on where a file ends early',
    text: raw(`{ ignores: 'ends' }`),
    fails: ['changed file'],
    says: /^a file that shrank while it was read: wanted E_CHANGED, got no answer in 5 s\nhint: where fewer bytes come/,
  },
  {
    title: 'reads wherever it is asked to',
    text: raw(`{ ignores: 'roots' }`),
    fails: ['outside roots'],
    says: /^a file under no --root: wanted E_OUTSIDE_ROOTS, got a part/,
  },
  {
    title: 'does not hear a cancellation',
    text: raw(`{ ignores: 'cancel' }`),
    fails: ['cancel'],
    says: /^the running task was cancelled: no answer in 4 s\nhint: test for cancellation/,
  },
  {
    title: 'answers a cancellation twice',
    text: raw('{ answersCancelTwice: true }'),
    fails: ['cancel', 'stays alive'],
    says: /^ERROR E_CANCELLED for attempt \d+, which is answered or was never given/,
  },
  {
    title: 'spins where nobody can reach it',
    text: raw('{ spins: true }'),
    fails: ['cancel', 'stays alive'],
    says: /^the running task was cancelled: no answer in 4 s/,
  },
  {
    title: 'is silent while it computes',
    text: raw(`{ ignores: 'liveness' }`),
    fails: ['stays alive'],
    says: /^while a task runs: nothing came from it for .*\nhint: heartbeats come from another thread/,
  },
  {
    title: 'says one thing and registers another',
    text: raw('{ describe: (descriptor) => ({ ...descriptor, version: 2 }) }'),
    fails: ['describe'],
    says: /^--describe and READY differ in version: 2 and 1\nhint: /,
  },
  {
    title: 'does not start to describe itself',
    text: raw(`{ diesAt: 'describe' }`),
    fails: ['describe'],
    says: /did not start \(exit code 1\).*no such luck/s,
  },
  {
    title: 'dies at its start',
    text: raw(`{ diesAt: 'start' }`),
    fails: ['ready'],
    says: /^the worker ended before it registered \(exit code 3: the disk of tables is not there\)$/,
  },
  {
    title: 'is no program at all',
    text: 'this is no program',
    fails: ['describe', 'ready'],
    says: /did not start \(exit code 1\)/,
  },
  {
    title: 'counts, in Python, what begins in the overlap',
    needs: 'python',
    text: python(`    overlap = 8
    pairs = field("u8", merge="sum", cells=True)

    def compute(self, x, task):
        return {"pairs": np.count_nonzero(x[:, :-1] == x[:, 1:], axis=1)}`),
    fails: ['splits'],
    says: /field pairs, cell 0x\w+:0x\w+: wanted \d+, got \d+\n.*hint: .*counted twice in the overlap/s,
  },
  {
    title: 'returns, in Python, another kind of array',
    needs: 'python',
    text: python(`    pairs = field("u8", merge="sum", cells=True)

    def compute(self, x, task):
        return {"pairs": np.full(len(x), 0.5)}`),
    fails: ['whole'],
    says: /MINE failed at 0x0: .*pairs.* \(E_SERVICE\)/,
  },
  {
    title: 'raises, in Python',
    needs: 'python',
    text: python(`    pairs = field("u8", merge="sum", cells=True)

    def compute(self, x, task):
        return {"pairs": [1, 2][7]}`),
    fails: ['whole'],
    says: /MINE failed at 0x0: IndexError: list index out of range, \S+\.py:11 \(E_SERVICE\)/,
  },
  {
    title: 'finishes, in Python, a row by its neighbours',
    needs: 'python',
    text: python(`    ones = field("u8", merge="sum", cells=True)

    def compute(self, x, task):
        return {"ones": np.count_nonzero(x & 1, axis=1)}

    def finish(self, part):
        return {"share": part.ones / part.ones.max()}`),
    fails: ['finish'],
    says: /^output share, cell 0x0:0x10000: 0\.\d+ among other rows, 1 alone\nhint: finish is row-wise/,
  },
  {
    title: 'does not load, in Python',
    needs: 'python',
    text: `import no_such_tables\n${python('    pass')}`,
    fails: ['describe', 'ready'],
    says: /needs the Python module no_such_tables; .* -m pip install/,
  },
];
