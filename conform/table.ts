/** Verdicts as people and programs read them: a table, totals by side and level, JSON, Markdown. */
import type { Level, Outcome, Side, Verdict } from './rules.js';

const outcomes: readonly Outcome[] = ['pass', 'fail', 'not reached', 'not spoken', 'not seen'];
const levels: readonly Level[] = ['MUST', 'SHOULD', 'MAY'];
const sides: readonly Side[] = ['broker', 'worker', 'client'];

/** What a peer says could hold control characters; a line is a line. */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, '·');

export interface Total {
  readonly side: Side;
  readonly level: Level;
  readonly counts: { readonly [outcome in Outcome]: number };
}

export function totalsOf(verdicts: readonly Verdict[]): Total[] {
  return sides.flatMap((side) =>
    levels.flatMap((level) => {
      const of = verdicts.filter(({ rule }) => rule.side === side && rule.level === level);
      if (of.length === 0) return [];
      const counts = Object.fromEntries(
        outcomes.map((outcome) => [outcome, of.filter((verdict) => verdict.outcome === outcome).length]),
      ) as Total['counts'];
      return [{ side, level, counts }];
    }),
  );
}

/** All MUST and SHOULD that could be judged passed; what was not reached is no pass. */
export const conforms = (verdicts: readonly Verdict[]): boolean =>
  verdicts.every(({ rule, outcome }) => rule.level === 'MAY' || !['fail', 'not reached'].includes(outcome));

export function tableOf(verdicts: readonly Verdict[]): string {
  const idWidth = Math.max(4, ...verdicts.map(({ rule }) => rule.id.length));
  const row = (id: string, level: string, outcome: string, seen: string) =>
    `${id.padEnd(idWidth)}  ${level.padEnd(6)}  ${outcome.padEnd(11)}  ${seen}`.trimEnd();
  return [
    row('rule', 'level', 'verdict', 'what was seen'),
    ...verdicts.map(({ rule, outcome, seen }) => {
      const told = outcome === 'fail' ? `${oneLine(seen)} (${rule.text})` : oneLine(seen);
      return row(rule.id, rule.level, outcome, told);
    }),
    '',
    ...totalsOf(verdicts).map(totalLine),
    '',
  ].join('\n');
}

export function totalLine({ side, level, counts }: Total): string {
  const told = outcomes.filter((outcome) => counts[outcome] > 0).map((outcome) => `${counts[outcome]} ${outcome}`);
  return `${side.padEnd(6)}  ${level.padEnd(6)}  ${told.join(', ')}`;
}

export function jsonOf(verdicts: readonly Verdict[]): string {
  const rules = verdicts.map(({ rule, outcome, seen }) => ({
    id: rule.id,
    level: rule.level,
    side: rule.side,
    dialect: rule.dialect,
    source: rule.source,
    text: rule.text,
    outcome,
    seen,
  }));
  return `${JSON.stringify({ conforms: conforms(verdicts), totals: totalsOf(verdicts), rules })}\n`;
}

/** Without what is not spoken: the totals say how much that is. */
export function markdownOf(verdicts: readonly Verdict[]): string {
  const cell = (text: string) => oneLine(text).replaceAll('|', '\\|');
  return [
    '| rule | level | verdict | what was seen | the rule |',
    '|---|---|---|---|---|',
    ...verdicts
      .filter(({ outcome }) => outcome !== 'not spoken')
      .map(
        ({ rule, outcome, seen }) => `| ${rule.id} | ${rule.level} | ${outcome} | ${cell(seen)} | ${cell(rule.text)} |`,
      ),
    '',
    ...totalsOf(verdicts).map((total) => `- ${totalLine(total).replace(/ +/g, ' ')}`),
    '',
  ].join('\n');
}
