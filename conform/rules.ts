/**
 * What a rule is, what comes out of judging it, and how they are run: each once, what it needs first, several at a time.
 * A check tells what it saw; it throws a Breach where the rule is broken and NotReached where it could not get so far.
 */

export type Level = 'MUST' | 'SHOULD' | 'MAY';
export type Side = 'broker' | 'worker' | 'client';
/** Which peers speak it: RFC 18 and RFC 8, or BXMDPv2. */
export type Dialect = 'mdp' | 'v2';

export interface RuleText {
  /** `RFC18-B-07`, `RFC8-02`, or the specification's own id; a rule with several checks has `.2`, `.3` behind it. */
  readonly id: string;
  readonly level: Level;
  readonly side: Side;
  readonly dialect: Dialect;
  /** Section of the document that has it. */
  readonly source: string;
  readonly text: string;
}

export interface SeenRule<World> extends RuleText {
  /** Ids of this side that have to pass first. */
  readonly needs?: readonly string[];
  /** Is judged when all others are: it looks at everything that was sent meanwhile. */
  readonly last?: true;
  /** What was seen, in one line. */
  check(world: World): Promise<string>;
}

/** A rule that cannot be judged from outside, and why. */
export interface UnseenRule extends RuleText {
  readonly unseen: string;
}

export type Rule<World> = SeenRule<World> | UnseenRule;

export type Outcome = 'pass' | 'fail' | 'not spoken' | 'not seen' | 'not reached';

export interface Verdict {
  readonly rule: RuleText;
  readonly outcome: Outcome;
  readonly seen: string;
}

/** The rule is broken. */
export class Breach extends Error {}
/** The check could not get to what it judges. */
export class NotReached extends Error {}
/** What it judges cannot be told here: the message says why. */
export class NotSeen extends Error {}

export function breach(seen: string): never {
  throw new Breach(seen);
}

/** What fails in here is the way to the check, not the rule itself. */
export async function onTheWay<T>(way: Promise<T>): Promise<T> {
  try {
    return await way;
  } catch (error) {
    if (error instanceof NotSeen) throw error;
    throw new NotReached(error instanceof Error ? error.message : String(error));
  }
}

export interface RunOptions<World> {
  readonly rules: readonly Rule<World>[];
  readonly world: World;
  /** Undefined: all. Ids as in `--only`. */
  readonly only?: readonly string[];
  readonly spoken: readonly Dialect[];
  readonly atOnce: number;
  /** A check that takes longer has failed to get anywhere, in milliseconds. */
  readonly checkMsMax: number;
}

/** Verdicts in the order of the rules. */
export async function judge<World>(options: RunOptions<World>): Promise<Verdict[]> {
  const { rules, world, only, spoken } = options;
  const limit = new Limit(options.atOnce);
  const known = new Map<string, Promise<Verdict>>();
  const wanted = rules.filter(({ id }) => only === undefined || only.some((name) => isNamed(id, name)));
  const verdictOf = (id: string): Promise<Verdict> => {
    const rule = rules.find((each) => each.id === id);
    if (!rule) throw new Error(`no rule ${id}`);
    const found = known.get(id) ?? judged(rule);
    known.set(id, found);
    return found;
  };
  const judged = async (rule: Rule<World>): Promise<Verdict> => {
    const told = (outcome: Outcome, seen: string): Verdict => ({ rule, outcome, seen });
    if (!spoken.includes(rule.dialect)) return told('not spoken', `${nameOf[rule.dialect]} is not spoken`);
    if ('unseen' in rule) return told('not seen', rule.unseen);
    const broken = (await Promise.all((rule.needs ?? []).map(verdictOf))).find(({ outcome }) => outcome !== 'pass');
    if (broken) return told('not reached', `${broken.rule.id}: ${broken.outcome}`);
    return limit.run(() => verdictFrom(rule, world, options.checkMsMax));
  };
  const first = wanted.filter((rule) => 'unseen' in rule || !rule.last);
  await Promise.all(first.map(({ id }) => verdictOf(id)));
  return Promise.all(wanted.map(({ id }) => verdictOf(id)));
}

const nameOf = { mdp: 'RFC 18', v2: 'BXMDPv2' } as const;

/** `B-16` names `B-16.2` too. */
export const isNamed = (id: string, name: string): boolean => id === name || id.startsWith(`${name}.`);

async function verdictFrom<World>(rule: SeenRule<World>, world: World, checkMsMax: number): Promise<Verdict> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NotReached(`no end after ${checkMsMax} ms`)), checkMsMax);
  });
  try {
    const seen = await Promise.race([rule.check(world), late]);
    return { rule, outcome: 'pass', seen };
  } catch (error) {
    const seen = error instanceof Error ? error.message : String(error);
    if (error instanceof Breach) return { rule, outcome: 'fail', seen };
    if (error instanceof NotReached) return { rule, outcome: 'not reached', seen };
    if (error instanceof NotSeen) return { rule, outcome: 'not seen', seen };
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

class Limit {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(readonly atOnce: number) {}

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.atOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}
