/** How rules are written down: id, level, source, text, check, and what they need. */
import type { BrokerScene, BrokerWorld } from '../broker-world.js';
import type { Dialect, Level, SeenRule, Side, UnseenRule } from '../rules.js';

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
