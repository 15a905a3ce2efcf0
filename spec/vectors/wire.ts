/** The eight directions of the wire: who encodes, who decodes. RFC 18 peers' side is taken apart by hand. */
import * as protocol from '../../protocol/index.js';
import { type Frames, text } from '../../protocol/index.js';

export const directions = [
  'client-to-broker',
  'plain-client-to-broker',
  'worker-to-broker',
  'plain-worker-to-broker',
  'broker-to-client',
  'broker-to-plain-client',
  'broker-to-worker',
  'broker-to-plain-worker',
  'broker-to-subscribers',
] as const;
export type Direction = (typeof directions)[number];

/** What the broker publishes: two frames without an envelope. */
export type Published =
  | { readonly kind: 'cancelled'; readonly jobId: string }
  | { readonly kind: 'tick'; readonly body: Uint8Array };

export function encodeAs(direction: Direction, message: unknown): Uint8Array[] {
  switch (direction) {
    case 'client-to-broker':
      return protocol.encodeFromClient(message as protocol.FromClient);
    case 'plain-client-to-broker':
      return protocol.encodeFromPlainClient(message as protocol.FromPlainClient);
    case 'worker-to-broker':
      return protocol.encodeFromWorker(message as protocol.FromWorker);
    case 'plain-worker-to-broker':
      return protocol.encodeFromPlainWorker(message as protocol.FromPlainWorker);
    case 'broker-to-client':
      return protocol.encodeToClient(message as protocol.ToClient);
    case 'broker-to-plain-client':
      return protocol.encodeToPlainClient(message as protocol.ToPlainClient);
    case 'broker-to-worker':
      return protocol.encodeToWorker(message as protocol.ToWorker);
    case 'broker-to-plain-worker':
      return protocol.encodeToPlainWorker(message as protocol.ToPlainWorker);
    case 'broker-to-subscribers': {
      const published = message as Published;
      return published.kind === 'tick'
        ? [Buffer.from(protocol.tickTopic), published.body]
        : [Buffer.from(protocol.cancelTopic), Buffer.from(published.jobId)];
    }
    default:
      return direction satisfies never;
  }
}

export function decodeAs(direction: Direction, frames: Frames): unknown {
  switch (direction) {
    case 'client-to-broker':
    case 'plain-client-to-broker':
    case 'worker-to-broker':
    case 'plain-worker-to-broker':
      return protocol.decodeToBroker(frames);
    case 'broker-to-client':
      return protocol.decodeToClient(frames);
    case 'broker-to-worker':
      return protocol.decodeToWorker(frames);
    case 'broker-to-plain-client':
      return plainClientReads(frames);
    case 'broker-to-plain-worker':
      return plainWorkerReads(frames);
    case 'broker-to-subscribers':
      return text(frames[0]!) === 'tick'
        ? { kind: 'tick', body: frames[1] }
        : { kind: 'cancelled', jobId: text(frames[1]!) };
    default:
      return direction satisfies never;
  }
}

/** RFC 18 word for word, without our code. */
function plainClientReads(frames: Frames): unknown {
  const kind = { 2: 'plainPartial', 3: 'plainFinal' }[frames[1]![0]!];
  if (text(frames[0]!) !== 'MDPC02' || frames[1]!.length !== 1 || frames.length < 4 || !kind)
    return { kind: 'invalid' };
  return { kind, service: text(frames[2]!), body: frames.slice(3) };
}

function plainWorkerReads(frames: Frames): unknown {
  if (text(frames[0]!) !== 'MDPW02' || frames[1]!.length !== 1) return { kind: 'invalid' };
  const command = frames[1]![0];
  if (frames.length === 2 && command === 5) return { kind: 'plainHeartbeat' };
  if (frames.length === 2 && command === 6) return { kind: 'plainDisconnect' };
  if (frames.length < 5 || command !== 2 || frames[3]!.length !== 0) return { kind: 'invalid' };
  return { kind: 'plainAssign', address: frames[2], body: frames.slice(4) };
}
