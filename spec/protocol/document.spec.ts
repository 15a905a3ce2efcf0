/** The specification against the code: its examples are golden frames, its rules have one number each, its tables are whole. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  clientCommand,
  errorCatalogue,
  finishers,
  headerBytesMax,
  livenessLimit,
  mergeOperators,
  nestingMax,
  valuesMax,
  workerCommand,
} from '../../protocol/index.js';
import { packageRoot } from '../root.js';

const read = (...path: string[]) => readFileSync(join(packageRoot, 'protocol', ...path), 'utf8');
const text = read('BXMDPv2.md');
const unique = (items: readonly string[]) => [...new Set(items)];
const section = (title: string) => text.split(/^#+ /m).find((part) => part.startsWith(title)) ?? '';
/** First cells of the rows of a table. */
const rowsOf = (part: string) => [...part.matchAll(/^\| `?([A-Za-z0-9_]+)`? \|/gm)].map(([, cell]) => cell!);

function goldenFrames(): Set<string> {
  const files = ['messages-client', 'messages-worker', 'messages-plain', 'errors'];
  const messages = files.flatMap((file) => JSON.parse(read('vectors', `${file}.json`)) as { frames: string[] }[]);
  const arrays = (JSON.parse(read('vectors', 'npy.json')) as { arrays: { frame: string }[] }).arrays;
  return new Set([...messages.map(({ frames }) => frames.join(' ')), ...arrays.map(({ frame }) => frame)]);
}

describe('BXMDPv2.md', () => {
  it('shows only golden frames', () => {
    const blocks = [...text.matchAll(/^```frames\n([\s\S]*?)^```$/gm)].map(([, block]) => block!);
    expect(blocks.length).to.be.above(20);
    const golden = goldenFrames();
    const strange = blocks.filter((block) => {
      const frames = block.split(/^\d+:/m).slice(1);
      return !golden.has(frames.map((frame) => frame.replace(/\s/g, '')).join(' '));
    });
    expect(strange).to.deep.equal([]);
  });

  it('gives each rule a number of its own, and names no rule or section that is not there', () => {
    const rules = [...text.matchAll(/\*\*([GCWBPAD]-\d+)\*\*/g)].map(([, id]) => id!);
    expect(rules.length).to.be.above(80);
    expect(rules.filter((id, i) => rules.indexOf(id) !== i)).to.deep.equal([]);
    const named = unique([...text.matchAll(/\b([GCWBPAD]-\d+)\b/g)].map(([, id]) => id!));
    expect(named.filter((id) => !rules.includes(id))).to.deep.equal([]);
    const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replace(/[^a-z0-9 _-]/g, '')
        .replaceAll(' ', '-'),
    );
    const links = unique([...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, link]) => link!));
    expect(links.filter((link) => !anchors.includes(link))).to.deep.equal([]);
  });

  it('lists every error code, in order', () => {
    expect(rowsOf(section('11. Errors')).filter((cell) => cell.startsWith('E_'))).to.deep.equal(
      Object.keys(errorCatalogue),
    );
    for (const advice of Object.values(errorCatalogue)) expect(section('11. Errors')).to.include(advice);
  });

  it('lists every operator and every finisher', () => {
    expect(rowsOf(section('9.3 Operators')).slice(1)).to.deep.equal([...mergeOperators]);
    expect(rowsOf(section('10.3 Finishers')).slice(1)).to.deep.equal([...finishers]);
  });

  it('lists every command byte of both v2 headers', () => {
    const rows = [
      ...section('3.2 Header and command').matchAll(/^\| (0x[0-9a-f]{2}) \|[^|]*\| ([^|]*) \|[^|]*\| ([^|]*) \|$/gm),
    ];
    const listed = (column: 2 | 3) =>
      Object.fromEntries(
        rows.filter((row) => row[column] !== '—').map((row) => [row[column]!.split(' ')[0]!, Number(row[1])]),
      );
    expect(listed(2)).to.deep.equal(clientCommand);
    const { PARTIAL: _, ...v2 } = workerCommand;
    expect(listed(3)).to.deep.equal(v2);
  });

  it('names the limits that the code has', () => {
    const limits = section('3.3 Header maps');
    for (const limit of [headerBytesMax, nestingMax, valuesMax]) expect(limits).to.include(limit.toLocaleString('en'));
    expect(section('12. Liveness')).to.include(`${livenessLimit} intervals is late`);
  });
});
