/** RFC 18 for workers. */
import type { HubPeer } from '../hub.js';
import type { Came } from '../inbox.js';
import type { PlayedScene, PlayedWorld } from '../played-world.js';
import { Breach, breach, NotSeen, onTheWay, type SeenRule } from '../rules.js';
import { empty, message, same, shown, textOf } from '../wire.js';
import { playedRule } from './made.js';

const rule = playedRule('worker', 'mdp');
const base = ['RFC18-W-01'];
const answers = ['RFC18-W-04'];
const opening = 'RFC 18, Opening and Closing a Connection';
const address = Buffer.from([0, 1, 2, 255, 10]);

/** READY has come; the broker that is played beats. */
async function ready(scene: PlayedScene): Promise<HubPeer> {
  const peer = await onTheWay(scene.worker());
  peer.beat(scene.heartbeatMs / 2);
  return peer;
}

const request = (peer: HubPeer, to: Uint8Array, body: string | Uint8Array): void =>
  peer.send('REQUEST', to, empty, body);

/** PARTIALs and the FINAL of one request. */
async function answersTo(peer: HubPeer): Promise<Came[]> {
  const all: Came[] = [];
  for (;;) {
    const came = await peer.inbox.next('FINAL');
    if (came.command !== 'PARTIAL' && came.command !== 'FINAL') breach(`${shown(came.frames)} in place of an answer`);
    all.push(came);
    if (came.command === 'FINAL') return all;
  }
}

export const rfc18Worker: readonly SeenRule<PlayedWorld>[] = [
  rule(
    'RFC18-W-01',
    'MUST',
    opening,
    'a worker begins with READY: MDPW02, 0x01 and its service, three frames, no empty one at the head',
    async (scene) => {
      const peer = await scene.worker();
      if (peer.first.length !== 3) breach(`${peer.first.length} frames`);
      if (textOf(peer.first[2]) === '') breach('an empty service');
      return `READY of ${textOf(peer.first[2])}`;
    },
    [],
  ),
  rule(
    'RFC18-W-02',
    'MUST',
    opening,
    'a worker sends no further READY',
    async (scene) => {
      const peer = await ready(scene);
      await scene.pause(scene.heartbeatMs * 6);
      const count = peer.inbox.count('READY');
      if (count > 1) breach(`${count} READYs on one socket`);
      return 'one READY in 6 intervals';
    },
    base,
  ),
  rule(
    'RFC18-W-03',
    'SHOULD',
    opening,
    'a worker takes its registration for good without an answer to READY',
    async (scene) => {
      const peer = await ready(scene);
      await scene.pause(scene.heartbeatMs * 6);
      if (scene.hub.peers.length > 1) breach(`${scene.hub.peers.length} connections in 6 intervals`);
      if (peer.inbox.count('DISCONNECT') > 0) breach('it sent DISCONNECT');
      return 'one connection in 6 intervals';
    },
    base,
  ),
  rule(
    'RFC18-W-04',
    'MUST',
    'RFC 18, Request and Reply Processing',
    'an answer has precisely the client address of the request, an empty frame and a body of one frame at least',
    async (scene) => {
      const peer = await ready(scene);
      request(peer, Buffer.from('client'), scene.world.options.body);
      for (const { frames } of await answersTo(peer)) {
        if (!same(frames[2], Buffer.from('client')))
          breach(`address ${Buffer.from(frames[2] ?? empty).toString('hex')}`);
        if (frames[3]?.length !== 0) breach('no empty frame behind the address');
        if (frames.length < 5) breach('no body');
      }
      return 'address, empty frame, body';
    },
    base,
  ),
  rule(
    'RFC18-W-05',
    'MUST',
    'RFC 18, Request and Reply Processing',
    'exactly one FINAL for each REQUEST',
    async (scene) => {
      const peer = await ready(scene);
      for (let i = 0; i < 3; i++) {
        request(peer, Buffer.from([0, i + 1]), scene.world.options.body);
        const last = (await answersTo(peer)).at(-1)!;
        if (!same(last.frames[2], Buffer.from([0, i + 1]))) breach('FINAL goes to another address');
      }
      await peer.inbox.quiet(scene.heartbeatMs * 2, 'after FINAL', ({ command }) => command !== 'HEARTBEAT');
      return '3 requests, 3 FINALs';
    },
    answers,
  ),
  rule(
    'RFC18-W-06',
    'MUST',
    'RFC 18, MDP/Worker',
    'the client address is opaque: any bytes of any length come back',
    async (scene) => {
      const peer = await ready(scene);
      for (const to of [Buffer.alloc(255, 0xff), Buffer.from('a'), Buffer.from([0, 0, 0, 0, 1]), Buffer.from('é𝄞\n')]) {
        request(peer, to, scene.world.options.body);
        const last = (await answersTo(peer)).at(-1)!;
        if (!same(last.frames[2], to)) breach(`${to.toString('hex')} came back as other bytes`);
      }
      return '4 addresses, of 1 to 255 bytes';
    },
    answers,
  ),
  rule(
    'RFC18-W-07',
    'MUST',
    opening,
    'after DISCONNECT a worker sends nothing more, and READY comes on a new socket',
    async (scene) => {
      const peer = await ready(scene);
      // The broker goes on beating: only DISCONNECT can be the reason for a new conversation.
      peer.send('DISCONNECT');
      await scene.worker(scene.timeoutMs + scene.heartbeatMs * 10);
      const before = peer.inbox.all.length;
      await scene.pause(scene.heartbeatMs * 3);
      const late = peer.inbox.all[before];
      if (late) breach(`${shown(late.frames)} on the old socket after READY on the new one`);
      return 'READY on a new socket, silence on the old one';
    },
    base,
  ),
  rule(
    'RFC18-W-08',
    'MUST',
    'RFC 18, Heartbeating',
    'an idle worker sends heartbeats at every interval',
    async (scene) => {
      const peer = await ready(scene);
      const before = peer.inbox.count('HEARTBEAT');
      await scene.pause(scene.heartbeatMs * 6);
      const count = peer.inbox.count('HEARTBEAT') - before;
      if (count < 4) breach(`${count} heartbeats in 6 intervals of ${scene.heartbeatMs} ms (--heartbeat-ms)`);
      return `${count} heartbeats in 6 intervals of ${scene.heartbeatMs} ms`;
    },
    base,
  ),
  rule(
    'RFC18-W-09',
    'MUST',
    'RFC 18, Heartbeating',
    'a worker sends heartbeats while it works on a request (one that takes long has to be given with --body)',
    async (scene) => {
      const peer = await ready(scene);
      const before = performance.now();
      request(peer, address, scene.world.options.body);
      await onTheWay(answersTo(peer));
      const tookMs = performance.now() - before;
      const intervals = tookMs / scene.heartbeatMs;
      if (intervals < 3) throw new NotSeen(`the request took ${Math.round(tookMs)} ms, no 3 intervals`);
      const count = peer.inbox.all.filter(({ at }) => at > before).length - 1;
      if (count < Math.floor(intervals) - 1) breach(`${count} messages in ${intervals.toFixed(1)} intervals of work`);
      return `${count} messages in ${intervals.toFixed(1)} intervals of work`;
    },
    answers,
  ),
  rule(
    'RFC18-W-10',
    'SHOULD',
    'RFC 18, Heartbeating',
    'a worker whose broker is silent begins a new conversation on a new socket',
    async (scene) => {
      const peer = await ready(scene);
      await peer.inbox.until('HEARTBEAT', ({ command }) => command === 'HEARTBEAT');
      peer.stopBeats();
      await scene.worker(scene.timeoutMs + scene.heartbeatMs * 12);
      return 'READY on a new socket';
    },
    base,
  ),
  rule(
    'RFC18-W-11',
    'MUST',
    'RFC 18, Heartbeating',
    'HEARTBEAT only after READY: a connection begins with READY',
    async (scene) => {
      const peer = await ready(scene);
      peer.send('DISCONNECT');
      await scene.worker(scene.timeoutMs + scene.heartbeatMs * 10);
      const wrong = scene.hub.peers.find(({ inbox }) => inbox.all[0]!.command !== 'READY');
      if (wrong) breach(`a connection began with ${shown(wrong.first)}`);
      return `${scene.hub.peers.length} connections began with READY`;
    },
    base,
  ),
  rule(
    'RFC18-W-12',
    'MUST',
    opening,
    'messages that it cannot expect do not end a worker: it serves on, here or on a new socket',
    async (scene) => {
      let peer = await ready(scene);
      const broken = [
        [empty],
        [Buffer.from('MDPW02')],
        [Buffer.from('MDPW02'), Uint8Array.of(0x2a)],
        message('MDPW02', 'REQUEST', address),
        message('MDPC02', 'FINAL', 'x', 'y'),
      ];
      for (const frames of broken) {
        peer.raw(frames);
        await scene.pause(200);
      }
      peer = scene.hub.peers.at(-1)!;
      for (let tries = 0; ; tries++) {
        peer.beat(scene.heartbeatMs / 2);
        request(peer, address, scene.world.options.body);
        try {
          await answersTo(peer);
          return `${broken.length} kinds, then a request was answered`;
        } catch (error) {
          if (tries === 2) throw error;
          if (scene.command.exit) throw new Breach(`it ended: ${scene.command.lastWords}`);
          peer = scene.hub.peers.at(-1) === peer ? await scene.worker(scene.timeoutMs * 2) : scene.hub.peers.at(-1)!;
        }
      }
    },
    answers,
  ),
  {
    id: 'RFC18-W-13',
    level: 'MUST',
    side: 'worker',
    dialect: 'mdp',
    source: 'RFC 18, MDP/Worker',
    text: 'every message has the header and the command of MDP/Worker and the frames of its table',
    needs: base,
    last: true,
    async check({ faults, heard }) {
      if (faults[0]) breach(faults[0].what);
      return `all ${heard} messages of this run`;
    },
  },
];
