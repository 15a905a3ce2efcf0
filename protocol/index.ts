/** What other packages may use of the wire: messages and their frames, descriptors, the merge algebra, errors. */
export * from './algebra.js';
export * from './codec.js';
export * from './decode.js';
export * from './descriptor.js';
export * from './encode.js';
export * from './entropy.js';
export * from './errors.js';
export * from './finish.js';
export * from './frames.js';
export * from './ids.js';
export * from './liveness.js';
export * from './messages.js';
export * from './npy.js';
export * from './parts.js';
export * from './presets.js';
export * from './range.js';
export * from './sample.js';
