/** The broker for those who host it: the daemon, the embedded default, the bench. */
export { BrokerCore } from './core.js';
export * from './events.js';
export { type BrokerOptions, checkBrokerOptions, defaultBrokerOptions } from './options.js';
export { BrokerShell } from './shell.js';
export { Storage } from './storage.js';
