/** All rules, by side. */
import type { BrokerWorld } from '../broker-world.js';
import type { Rule } from '../rules.js';
import { rfc18BrokerRouting } from './rfc18-broker-routing.js';
import { rfc18BrokerWorkers } from './rfc18-broker-workers.js';

export const brokerRules: readonly Rule<BrokerWorld>[] = [...rfc18BrokerRouting, ...rfc18BrokerWorkers];
