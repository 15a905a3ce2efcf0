/** All rules, by side. */
import type { BrokerWorld } from '../broker-world.js';
import type { Rule } from '../rules.js';
import { rfc18BrokerRouting } from './rfc18-broker-routing.js';
import { rfc18BrokerWorkers } from './rfc18-broker-workers.js';
import { v2BrokerDescriptors } from './v2-broker-descriptors.js';
import { v2BrokerMessages } from './v2-broker-messages.js';
import { v2BrokerReports } from './v2-broker-reports.js';
import { v2BrokerRequests } from './v2-broker-requests.js';
import { v2BrokerTasks } from './v2-broker-tasks.js';

export const brokerRules: readonly Rule<BrokerWorld>[] = [
  ...rfc18BrokerRouting,
  ...rfc18BrokerWorkers,
  ...v2BrokerMessages,
  ...v2BrokerRequests,
  ...v2BrokerTasks,
  ...v2BrokerReports,
  ...v2BrokerDescriptors,
];
