/** Judges a broker: greets it, runs the rules that it speaks, says of the others that it does not. */
import { BrokerWorld, type BrokerWorldOptions } from './broker-world.js';
import { brokerRules } from './catalogue/index.js';
import { type Dialect, judge, type Verdict } from './rules.js';

export interface JudgeOptions {
  readonly only?: readonly string[];
  /** Both: rules of BXMDPv2 are judged where HELLO is answered. */
  readonly dialect: 'mdp' | 'v2' | 'both';
}

export async function judgeBroker(options: BrokerWorldOptions & JudgeOptions): Promise<Verdict[]> {
  const world = new BrokerWorld(options);
  try {
    const welcome = options.dialect === 'mdp' ? undefined : await world.greet();
    const spoken: Dialect[] = [
      ...(options.dialect === 'v2' ? [] : ['mdp' as const]),
      ...(welcome || options.dialect === 'v2' ? ['v2' as const] : []),
    ];
    return await judge({
      rules: brokerRules,
      world,
      spoken,
      ...(options.only && { only: options.only }),
      // Nearly all of their time is waiting for silence.
      atOnce: 24,
      checkMsMax: options.timeoutMs * 3 + options.expireMs + world.heartbeatMs * 20,
    });
  } finally {
    world.close();
  }
}
