/** Every file of protocol/vectors as the code makes it now: name → text. */
import { accepted } from './accepted.js';
import { descriptorVectors, entropyVectors, idVectors, rangeVectors } from './data.js';
import { hexOf, type Json, printed, toJson } from './json.js';
import { clientSamples, errorSamples, plainSamples, type Sample, workerSamples } from './messages.js';
import { npyVectors } from './npy.js';
import { partVectors } from './parts.js';
import { refused } from './refused-others.js';
import { encodeAs } from './wire.js';

const framesOf = (frames: readonly Uint8Array[]): Json => frames.map(hexOf);

function messageVectors(samples: readonly Sample[]): Json {
  return samples.map(({ name, direction, message }) => ({
    name,
    direction,
    message: toJson(message),
    frames: framesOf(encodeAs(direction, message)),
  }));
}

export function allVectors(): { readonly [file: string]: string } {
  const files: { [file: string]: Json } = {
    'messages-client.json': messageVectors(clientSamples),
    'messages-worker.json': messageVectors(workerSamples),
    'messages-plain.json': messageVectors(plainSamples),
    'errors.json': messageVectors(errorSamples),
    'accepted.json': accepted.map((it) => ({ ...it, message: toJson(it.message), frames: framesOf(it.frames) })),
    'invalid.json': refused.map((it) => ({ ...it, frames: framesOf(it.frames) })),
    'npy.json': npyVectors(),
    'parts.json': partVectors(),
    'entropy-table.json': entropyVectors(),
    'descriptors.json': descriptorVectors(),
    'ids.json': idVectors(),
    'ranges.json': rangeVectors(),
  };
  return Object.fromEntries(Object.entries(files).map(([file, json]) => [file, `${printed(json)}\n`]));
}
