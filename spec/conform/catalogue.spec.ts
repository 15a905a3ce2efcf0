import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { allRules, brokerRules, clientRules, workerRules } from '../../conform/catalogue/index.js';
import { isNamed } from '../../conform/rules.js';
import { packageRoot } from '../root.js';

const document = readFileSync(join(packageRoot, 'protocol', 'BXMDPv2.md'), 'utf8');

/** Id → its text, up to the next rule, paragraph or list item. */
function rulesOfDocument(): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, id, text] of document.matchAll(
    /\*\*([GCWBPAD]-\d+)\*\*([\s\S]*?)(?=\n\s*\n|\n- |\*\*[GCWBPAD]-\d+\*\*|$)/g,
  )) {
    found.set(id!, `${found.get(id!) ?? ''}${text}`);
  }
  return found;
}

describe('the catalogue of the conformance suite', () => {
  const rules = rulesOfDocument();

  it('reads the specification: it has some hundred rules, and their key words are found', () => {
    expect(rules.size).to.be.above(90);
    expect(rules.get('B-16')).to.include('MUST be answered by DISCONNECT');
    expect(rules.get('P-6')).to.not.match(/MUST|SHOULD/);
  });

  it('has every rule of BXMDPv2 with a MUST or SHOULD, judged or said to be out of sight', () => {
    const missing = [...rules]
      .filter(([, text]) => /\b(MUST|SHOULD)\b/.test(text))
      .map(([id]) => id)
      .filter((id) => !allRules.some((rule) => isNamed(rule.id, id)));
    expect(missing).to.deep.equal([]);
  });

  it('names no rule of BXMDPv2 that is not there', () => {
    const invented = allRules
      .map(({ id }) => /^([GCWBPAD]-\d+)/.exec(id)?.[1])
      .filter((id) => id !== undefined && !rules.has(id));
    expect(invented).to.deep.equal([]);
  });

  for (const [side, list] of Object.entries({ broker: brokerRules, worker: workerRules, client: clientRules })) {
    it(`has each ${side} rule once, with what it needs before it can be judged, and no way round`, () => {
      const ids = list.map(({ id }) => id);
      expect(ids.filter((id, i) => ids.indexOf(id) !== i)).to.deep.equal([]);
      const needs = new Map(list.map((rule) => [rule.id, 'unseen' in rule ? [] : (rule.needs ?? [])]));
      const depth = (id: string, trail: readonly string[]): number => {
        expect(trail, `${trail.join(' needs ')} needs ${id}`).to.not.include(id);
        expect(ids, `${trail.at(-1)} needs it`).to.include(id);
        return 1 + Math.max(0, ...needs.get(id)!.map((next) => depth(next, [...trail, id])));
      };
      expect(Math.max(...ids.map((id) => depth(id, [])))).to.be.within(1, 5);
    });
  }

  it('says of what is not judged why, and of everything where it stands', () => {
    for (const rule of allRules) {
      expect(rule.source, rule.id).to.match(/\S/);
      expect(rule.text.length, rule.id).to.be.above(10);
      if ('unseen' in rule) expect(rule.unseen.length, rule.id).to.be.above(10);
    }
  });
});
