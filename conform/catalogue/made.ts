/** How rules are written down: id, level, source, text, check, and what they need. */
import type { BrokerScene, BrokerWorld } from '../broker-world.js';
import type { PlayedScene, PlayedWorld } from '../played-world.js';
import { Breach, type Dialect, type Level, type SeenRule, type Side, type UnseenRule } from '../rules.js';

/** A rule of the broker; each check has a scene of its own. */
export const brokerRule =
  (dialect: Dialect) =>
  (
    id: string,
    level: Level,
    source: string,
    text: string,
    check: (scene: BrokerScene) => Promise<string>,
    needs: readonly string[],
    more: { readonly last?: true } = {},
  ): SeenRule<BrokerWorld> => ({
    id,
    level,
    side: 'broker',
    dialect,
    source,
    text,
    needs,
    ...more,
    check: (world) => world.scene(check),
  });

/** A rule of a worker or a client; each check starts it anew. */
export const playedRule =
  (side: 'worker' | 'client', dialect: Dialect) =>
  (
    id: string,
    level: Level,
    source: string,
    text: string,
    check: (scene: PlayedScene) => Promise<string>,
    needs: readonly string[],
    more: { readonly last?: true } = {},
  ): SeenRule<PlayedWorld> => ({
    id,
    level,
    side,
    dialect,
    source,
    text,
    needs,
    ...more,
    check: (world) => world.scene(check),
  });

/** Everything that the program sent in this run, held against one rule of form. */
export const formRule =
  (side: 'worker' | 'client', dialect: Dialect) =>
  (id: string, source: string, text: string, needs: readonly string[]): SeenRule<PlayedWorld> => ({
    id,
    level: 'MUST',
    side,
    dialect,
    source,
    text,
    needs,
    last: true,
    async check({ faults, heard }) {
      const first = faults.find(({ rule }) => rule === id);
      if (first) throw new Breach(first.what);
      return `all ${heard} messages of this run`;
    },
  });

/** A rule that nobody can judge from outside. */
export const unseen =
  (side: Side, dialect: Dialect) =>
  (id: string, level: Level, source: string, text: string, reason: string): UnseenRule => ({
    id,
    level,
    side,
    dialect,
    source,
    text,
    unseen: reason,
  });
