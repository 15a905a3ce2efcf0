/** Judges a worker or a client: starts it once to see what it speaks, then anew for every rule. */
import { clientRules, workerRules } from './catalogue/index.js';
import type { JudgeOptions } from './judge-broker.js';
import { type PlayedOptions, PlayedWorld } from './played-world.js';
import { judge, type Verdict } from './rules.js';

export async function judgePlayed(options: PlayedOptions & JudgeOptions): Promise<Verdict[]> {
  const world = new PlayedWorld(options);
  try {
    const introduction = await world.greet();
    // Of one that says nothing the first rule of its dialect fails, and the others are not reached.
    const dialect = introduction?.dialect ?? (options.dialect === 'v2' ? 'v2' : 'mdp');
    const spoken = options.dialect === 'both' || options.dialect === dialect ? [dialect] : [options.dialect];
    return await judge({
      rules: options.side === 'worker' ? workerRules : clientRules,
      world,
      spoken,
      ...(options.only && { only: options.only }),
      // Each is a process that has to start.
      atOnce: 4,
      checkMsMax: options.timeoutMs * 6 + world.heartbeatMs * 30,
    });
  } finally {
    world.close();
  }
}
