/** The runner's modes: a broker at an endpoint, a worker or a client as a command. */
export * from './judge-broker.js';
