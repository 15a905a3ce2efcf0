/** All rules, by side. */
import type { BrokerWorld } from '../broker-world.js';
import type { PlayedWorld } from '../played-world.js';
import type { Rule } from '../rules.js';
import { rfc18BrokerRouting } from './rfc18-broker-routing.js';
import { rfc18BrokerWorkers } from './rfc18-broker-workers.js';
import { rfc18Client } from './rfc18-client.js';
import { rfc18Worker } from './rfc18-worker.js';
import { unseenRules } from './unseen.js';
import { v2BrokerCancel } from './v2-broker-cancel.js';
import { v2BrokerDescriptors } from './v2-broker-descriptors.js';
import { v2BrokerMessages } from './v2-broker-messages.js';
import { v2BrokerReports } from './v2-broker-reports.js';
import { v2BrokerRequests } from './v2-broker-requests.js';
import { v2BrokerTasks } from './v2-broker-tasks.js';
import { v2Client } from './v2-client.js';
import { v2BrokerFinish, v2WorkerFinish } from './v2-finish.js';
import { v2WorkerTasks } from './v2-worker.js';
import { v2WorkerLife } from './v2-worker-life.js';

export const brokerRules: readonly Rule<BrokerWorld>[] = [
  ...rfc18BrokerRouting,
  ...rfc18BrokerWorkers,
  ...v2BrokerMessages,
  ...v2BrokerRequests,
  ...v2BrokerCancel,
  ...v2BrokerTasks,
  ...v2BrokerReports,
  ...v2BrokerDescriptors,
  ...v2BrokerFinish,
  ...unseenRules('broker'),
];

export const workerRules: readonly Rule<PlayedWorld>[] = [
  ...rfc18Worker,
  ...v2WorkerTasks,
  ...v2WorkerLife,
  ...v2WorkerFinish,
  ...unseenRules('worker'),
];

export const clientRules: readonly Rule<PlayedWorld>[] = [...rfc18Client, ...v2Client, ...unseenRules('client')];

export const allRules = [...brokerRules, ...workerRules, ...clientRules];
