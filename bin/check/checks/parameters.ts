/** What parameters make of a service: every bound is taken, blocks are cells, pairs of files are read side by side. */
import { cellCount } from '../../../protocol/algebra.js';
import { checkParams, type ParamSpec, type Params, type ParamValue } from '../../../protocol/descriptor.js';
import { BinglideError } from '../../../protocol/errors.js';
import { counted } from '../../cli/units.js';
import { firstDifference, splitHint } from '../difference.js';
import { inputOf, Lab } from '../lab.js';
import { alteredBytes, firstBytes } from '../material.js';
import { CheckFailure, doesNotApply, ok, type Verdict } from '../verdict.js';

/** Long enough for a few rows. */
const rangeBytes = 2 ** 16;
const blocks = [256, 4096, 5000, 65_536, 131_072];
const cellsMax = 2 ** 16;

/** The values at which authors are wrong. */
export function edgeValues({ default: usual, min, max, oneOf, type }: ParamSpec): readonly ParamValue[] {
  const all = [usual, ...(min === undefined ? [] : [min]), ...(max === undefined ? [] : [max]), ...(oneOf ?? [])];
  return [...new Set(type === 'bool' ? [true, false] : all)];
}

export async function checkParameters(lab: Lab): Promise<Verdict> {
  const { descriptor } = lab;
  if (descriptor.params.length === 0) return doesNotApply('it has no parameters');
  const tried: string[] = [];
  for (const spec of descriptor.params) {
    const values = edgeValues(spec).filter((value) => isTaken(lab, { ...lab.params, [spec.name]: value }));
    for (const value of values) await checkValue(lab, { ...lab.params, [spec.name]: value }, spec);
    tried.push(`${spec.name} ${values.map((value) => JSON.stringify(value)).join(' ')}`);
  }
  return ok(tried.join('; '));
}

async function checkValue(lab: Lab, params: Params, { name }: ParamSpec): Promise<void> {
  // A shift may leave no byte that both files have: then there is an empty run.
  const [start, end] = lab.range(params, rangeBytes);
  const cellBytes = lab.grid(params).widths[0]!;
  // Tiny blocks make many cells: fewer bytes do.
  const few = cellBytes > 0 ? Math.min(end, start + cellBytes * cellsMax) : end;
  try {
    await lab.part({ start, end: few, params });
  } catch (error) {
    if (!(error instanceof CheckFailure)) throw error;
    const hint = `the descriptor allows ${name} ${JSON.stringify(params[name])}: mend it, or narrow min, max or oneOf`;
    throw new CheckFailure(error.what, error.hint ?? hint);
  }
}

/** Values that do not go together with others by the descriptor itself are never sent. */
function isTaken({ descriptor }: Lab, params: Params): boolean {
  try {
    checkParams(descriptor, params);
    return true;
  } catch (error) {
    if (error instanceof BinglideError) return false;
    throw error;
  }
}

export async function checkBlocks(lab: Lab): Promise<Verdict> {
  const { block } = lab.descriptor;
  if (block === undefined) return doesNotApply('it has no block parameter');
  const tried: number[] = [];
  for (const bytes of blocks) {
    const params = { ...lab.params, [block]: bytes };
    if (!isTaken(lab, params)) continue;
    tried.push(bytes);
    const [first, last] = lab.range(params, 4 * rangeBytes);
    // The first block and the last one are clipped.
    const [start, end] = [first + Math.min(last - first, 77), last];
    const asked = { start, end, params };
    const whole = await lab.part(asked);
    const cut = Math.floor((start + end) / 2 / bytes) * bytes;
    const edges = [start, ...(cut > start && cut < end ? [cut] : []), end];
    const pieces = edges.slice(1).map((to, i) => ({ start: edges[i]!, end: to, params }));
    const folded = lab.folded(asked, await lab.parts(pieces));
    const difference = firstDifference(lab.fields(asked), whole, folded);
    if (!difference) continue;
    throw new CheckFailure(
      `${block} ${bytes}: ${difference.what}\n${lab.where(asked)}; cut at 0x${cut.toString(16)}`,
      splitHint(difference, lab.descriptor),
    );
  }
  if (tried.length === 0) return doesNotApply(`${block} takes none of ${blocks.join(', ')}`);
  return ok(`${block} ${tried.join(' ')}: one piece and two are the same`);
}

/** Of the first file; not a multiple of anything. */
const pairBytes = 300_001;
const shifts = [0, 1, -1, 4097, -3];

export async function checkPairs(lab: Lab): Promise<Verdict> {
  const { inputs, shift } = lab.descriptor;
  if (inputs !== 2) return doesNotApply('it takes one file');
  const file = firstBytes(lab.files[0]!, pairBytes);
  const altered = alteredBytes(file, lab.random('pairs'));
  const a = lab.material.write('a.bin', file);
  const lengths = [file.length, file.length - Math.min(file.length, 1001), file.length + 1001];
  const tried: string[] = [];
  for (const length of lengths) {
    const bytes = new Uint8Array(length);
    bytes.set(altered.subarray(0, length));
    const b = lab.material.write('b.bin', bytes);
    for (const moved of shift === undefined ? [0] : shifts) {
      const params = shift === undefined ? lab.params : { ...lab.params, [shift]: moved };
      if (!isTaken(lab, params)) continue;
      await checkPair(lab, [a, b], params);
      tried.push(`${length - file.length}${shift === undefined ? '' : ` shifted ${moved}`}`);
    }
  }
  return ok(`${counted(tried.length, 'pair')}, the second longer by ${tried.join(', ')}`);
}

async function checkPair(lab: Lab, files: readonly string[], params: Params): Promise<void> {
  const pair = new Lab({ ...lab, files, params });
  const [start, end] = pair.range();
  if (end === start) return;
  const { widths, form } = pair.grid();
  const cellBytes = widths[0]!;
  const asked = { start, end, cellBytes };
  const whole = await pair.part(asked);
  const unit = form === 'whole' ? cellBytes : 4096;
  const cuts = [0.3, 0.31, 0.8].map((share) => Math.floor((start + share * (end - start)) / unit) * unit);
  const edges = [start, ...[...new Set(cuts)].filter((cut) => cut > start && cut < end), end];
  const folded = pair.folded(
    asked,
    await pair.parts(edges.slice(1).map((to, i) => ({ start: edges[i]!, end: to, cellBytes }))),
  );
  const difference = firstDifference(pair.fields(asked), whole, folded);
  if (difference) {
    throw new CheckFailure(`${difference.what}\n${pair.where(asked)}`, splitHint(difference, pair.descriptor));
  }
  await checkBothWatched(pair, asked);
  if (cellBytes > 0 && cellCount({ ...asked }) === 0) throw new CheckFailure('no cells').at(pair.where(asked));
}

/** The second file may change as well as the first. */
async function checkBothWatched(pair: Lab, asked: { readonly start: number; readonly end: number }): Promise<void> {
  const inputs = pair.files.map(inputOf);
  const other = { ...inputs[1]!, identity: { ...inputs[1]!.identity, mtimeNs: '1' } };
  const fault = await pair.fault({ ...asked, inputs: [inputs[0]!, other] }).catch((error: unknown) => {
    if (!(error instanceof CheckFailure)) throw error;
    throw new CheckFailure(`the second file changed: ${error.what}`, 'compare both identities');
  });
  if (fault.code === 'E_CHANGED') return;
  throw new CheckFailure(`the second file changed: wanted E_CHANGED, got ${fault.code} ${fault.message}`);
}
