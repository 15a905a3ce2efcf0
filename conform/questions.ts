/** What a broker that is played says to a client: WELCOME, what services there are, reports of counts, errors. */

import type { HubPeer } from './hub.js';
import type { Came } from './inbox.js';
import { isMap, type MapValue, pack, unpack } from './msgpack.js';
import { npy } from './npy.js';
import type { PlayedScene } from './played-world.js';
import { Breach, breach } from './rules.js';
import { countsOf, descriptorOf } from './services.js';
import { shown, textOf } from './wire.js';

export interface Question {
  readonly peer: HubPeer;
  readonly clientId: string;
  readonly requestId: number;
  readonly service: string;
  readonly map: MapValue;
}

export const jobIdIn = ({ clientId, requestId }: Question): string => `${clientId.length}:${clientId}${requestId}`;

/** A new connection that said HELLO. */
export async function greeted(scene: PlayedScene, waitMs?: number): Promise<{ peer: HubPeer; clientId: string }> {
  const peer = await scene.client(waitMs);
  const first = peer.inbox.all[0]!;
  if (first.command !== 'HELLO') throw new Breach(`it began with ${shown(first.frames)} in place of HELLO`);
  return { peer, clientId: String(unpack(first.frames[2] ?? new Uint8Array()).map.clientId) };
}

/** Welcomed, up to its question; what it asks of the broker itself is answered. */
export async function questionOf(
  scene: PlayedScene,
  more: { readonly epoch?: string; readonly waitMs?: number } = {},
): Promise<Question> {
  const { peer, clientId } = await greeted(scene, more.waitMs);
  scene.welcome(peer, more);
  return nextQuestion(scene, peer, clientId);
}

export async function nextQuestion(scene: PlayedScene, peer: HubPeer, clientId: string): Promise<Question> {
  for (;;) {
    const came = await peer.inbox.until('REQUEST', ({ command }) => command === 'REQUEST');
    const service = textOf(came.frames[2]);
    const { map } = unpack(came.frames[3] ?? new Uint8Array());
    const requestId = Number(map.requestId);
    if (!service.startsWith('mmi.')) return { peer, clientId, requestId, service, map };
    peer.send('FINAL', service, { requestId, raw: true }, mmiBody(scene, service, textOf(came.frames[4])));
  }
}

function mmiBody(scene: PlayedScene, service: string, body: string): Uint8Array {
  const name = scene.world.service;
  if (service === 'mmi.service') return Buffer.from(body === name ? '200' : '404');
  if (service === 'mmi.jobs') return pack({ jobs: [] });
  if (service !== 'mmi.services') return Buffer.from('501');
  const entry = { descriptor: descriptorOf('counts', name, { cached: true }), digest: '0123456789abcdef' };
  return pack({
    services: [{ ...entry, workers: 1, slots: 1 }],
    opaque: [],
    slots: { total: 1, busy: 0 },
    epoch: 'epoch1',
  });
}

/** A report of counts: `completion` of the file's bytes are counted. */
export function reportOf(
  scene: PlayedScene,
  jobId: string,
  service: string,
  completion: number,
): [MapValue, Uint8Array[]] {
  const { bytes } = scene.world;
  const n = Math.round(bytes.length * completion);
  const map = {
    jobId,
    service,
    version: 1,
    inputs: [{ path: Buffer.from(scene.world.path('small')), size: bytes.length, hash: null, identity: '~ab' }],
    range: [0, bytes.length],
    completion,
    exact: completion === 1,
    cellBytes: 0,
    scalars: { n },
    arrays: ['counts'],
    work: {
      bytesRead: n,
      bytesHashed: 0,
      tasks: 1,
      chunksCached: 0,
      chunksComputed: 0,
      firstReportMs: 1.5,
      elapsedMs: 2.5,
    },
  };
  return [map, [npy('u8', [256], countsOf(bytes.subarray(0, n)))]];
}

export function partial(scene: PlayedScene, question: Question, completion: number, more: MapValue = {}): void {
  report(scene, 'PARTIAL', question, completion, more);
}

export function final(scene: PlayedScene, question: Question, more: MapValue = {}): void {
  report(scene, 'FINAL', question, 1, more);
}

function report(scene: PlayedScene, command: string, question: Question, completion: number, more: MapValue): void {
  const { requestId, service, peer } = question;
  const [map, arrays] = reportOf(scene, jobIdIn(question), service, completion);
  peer.send(command, service, { ...map, requestId, ...more }, ...arrays);
}

export function error(question: Question, code: string, message = 'on purpose'): void {
  question.peer.send('ERROR', { requestId: question.requestId, code, message });
}

/** It has ended by itself, with this code: 0, or another one than 0. */
export async function ends(scene: PlayedScene, wanted: 'well' | 'badly', waitMs = scene.timeoutMs): Promise<string> {
  const exit = await scene.command.endWithin(waitMs);
  if (!exit) throw new Breach(`it still runs ${waitMs} ms after its answer`);
  const isWell = exit.code === 0;
  const how = exit.signal ? `ended by ${exit.signal}` : `exit code ${exit.code}`;
  if (isWell !== (wanted === 'well')) breach(`${how}: ${scene.command.lastWords}`);
  return how;
}

/** RFC 18's REQUEST. */
export interface PlainQuestion {
  readonly peer: HubPeer;
  readonly service: string;
  readonly body: readonly Uint8Array[];
}

export async function plainQuestionOf(scene: PlayedScene, waitMs?: number): Promise<PlainQuestion> {
  const peer = await scene.client(waitMs);
  return plainQuestion(await peer.inbox.take('REQUEST'), peer);
}

export const plainQuestion = ({ frames }: Came, peer: HubPeer): PlainQuestion => ({
  peer,
  service: textOf(frames[2]),
  body: frames.slice(3),
});

/** A report where a map with inputs was asked (P-2), else the body as it came. */
export function plainAnswer(scene: PlayedScene, command: string, question: PlainQuestion, completion = 1): void {
  const { peer, service, body } = question;
  const asked = body.length === 1 ? unpack(body[0]!) : undefined;
  if (asked && asked.faults.length === 0 && isMap(asked.map) && asked.map.inputs !== undefined) {
    const [map, arrays] = reportOf(scene, '26:abcdefghijklmnopqrstuvwx231', service, completion);
    peer.send(command, service, map, ...arrays);
  } else peer.send(command, service, ...body);
}
