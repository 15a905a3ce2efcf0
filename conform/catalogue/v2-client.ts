/** BXMDPv2 for clients (sections 3, 4, 12 and 14.1). */
import type { Exit } from '../command.js';
import { unpack } from '../msgpack.js';
import { bodyOf, npy, npyWith } from '../npy.js';
import type { PlayedWorld } from '../played-world.js';
import { ends, error, final, greeted, jobIdIn, nextQuestion, partial, questionOf, reportOf } from '../questions.js';
import { breach, onTheWay, type SeenRule } from '../rules.js';
import { countsOf } from '../services.js';
import { message, shown, textOf } from '../wire.js';
import { formRule, playedRule } from './made.js';

const rule = playedRule('client', 'v2');
const form = formRule('client', 'v2');
const base = ['C-2'];

export const v2Client: readonly SeenRule<PlayedWorld>[] = [
  rule(
    'C-3',
    'MUST',
    '14.1',
    'the first message on a socket is HELLO, and nothing else is sent before WELCOME',
    async (scene) => {
      const { peer, clientId } = await greeted(scene);
      if (!/^[a-z2-7]{16,64}$/.test(clientId)) breach(`the clientId is ${clientId}`);
      await scene.pause(500);
      const other = peer.inbox.all.find(({ command }) => command !== 'HELLO');
      if (other) breach(`${shown(other.frames)} before WELCOME`);
      return `HELLO of ${clientId.slice(0, 6)}…, and half a second of silence`;
    },
    [],
  ),
  rule(
    'C-2',
    'MUST',
    '14.1',
    'any number of PARTIALs before the FINAL is taken, none among them',
    async (scene) => {
      const question = await questionOf(scene);
      if (question.service !== scene.world.service) breach(`it asked ${question.service}`);
      final(scene, question);
      return `no PARTIAL: ${await ends(scene, 'well')}`;
    },
    ['C-3'],
  ),
  rule(
    'C-2.2',
    'MUST',
    '14.1',
    'the same with 50 PARTIALs',
    async (scene) => {
      const question = await onTheWay(questionOf(scene));
      for (let i = 0; i < 50; i++) partial(scene, question, i / 50);
      final(scene, question);
      return ends(scene, 'well');
    },
    base,
  ),
  rule(
    '4.3',
    'MUST',
    '4.3',
    'REQUEST names its service, a requestId and one or two inputs with absolute paths',
    async (scene) => {
      const { map, service, requestId } = await onTheWay(questionOf(scene));
      if (service !== scene.world.service) breach(`it asked ${service}`);
      if (!Number.isSafeInteger(requestId) || requestId < 0) breach(`requestId ${requestId}`);
      const inputs = Array.isArray(map.inputs) ? map.inputs : [];
      const paths = inputs.map((input) => {
        const [extent] = Array.isArray(input) ? input : [input];
        const path = (extent as { path?: unknown } | null)?.path ?? extent;
        return path instanceof Uint8Array ? textOf(path) : String(path);
      });
      if (!paths.includes(scene.world.path('small'))) breach(`inputs ${paths}`);
      return `request ${requestId} of ${paths.length} input`;
    },
    base,
  ),
  rule(
    'C-1',
    'MUST',
    '12',
    'a client whose broker is silent for 5 intervals begins anew: a new socket, HELLO, its requests again',
    async (scene) => {
      const question = await onTheWay(questionOf(scene));
      question.peer.stopBeats();
      const again = await questionOf(scene, { waitMs: scene.timeoutMs + scene.heartbeatMs * 10 });
      if (again.clientId !== question.clientId) breach('HELLO with another clientId');
      if (again.requestId !== question.requestId) breach(`requestId ${again.requestId}, before ${question.requestId}`);
      if (String(pathOf(again.map)) !== String(pathOf(question.map))) breach('the request is another one');
      final(scene, again);
      return `the same request under its number, then ${await ends(scene, 'well')}`;
    },
    base,
  ),
  rule(
    'C-9',
    'MUST',
    '14.1',
    'on DISCONNECT a client closes its socket and begins a new conversation',
    async (scene) => {
      const question = await onTheWay(questionOf(scene));
      // The broker goes on beating: only DISCONNECT can be the reason for a new conversation.
      question.peer.send('DISCONNECT');
      const again = await questionOf(scene);
      if (again.requestId !== question.requestId) breach(`requestId ${again.requestId}, before ${question.requestId}`);
      const before = question.peer.inbox.all.length;
      final(scene, again);
      await ends(scene, 'well');
      if (question.peer.inbox.all.length > before) breach('the old socket was used again');
      return 'HELLO and the request on a new socket, and an answer there';
    },
    base,
  ),
  rule(
    'C-9.2',
    'SHOULD',
    '14.1',
    'sockets are not opened more often than every 100 ms',
    async (scene) => {
      const born: number[] = [];
      for (let i = 0; i < 6; i++) {
        const { peer } = await onTheWay(questionOf(scene));
        born.push(peer.bornMs);
        peer.stopBeats();
        peer.send('DISCONNECT');
      }
      const tookMs = Math.round(born.at(-1)! - born[0]!);
      // Five gaps; where this machine is busy the first may be seen late.
      if (tookMs < 300) breach(`6 sockets in ${tookMs} ms`);
      return `6 sockets in ${tookMs} ms`;
    },
    base,
  ),
  rule(
    'C-6',
    'MUST',
    '14.1',
    'welcomed by another epoch, a client sends its open requests again',
    async (scene) => {
      const question = await onTheWay(questionOf(scene));
      question.peer.stopBeats();
      scene.welcome(question.peer, { epoch: 'epoch2' });
      // A new conversation: on a new socket, or on this one.
      const next = await Promise.race([
        questionOf(scene, { epoch: 'epoch2' }),
        nextQuestion(scene, question.peer, question.clientId),
      ]);
      if (next.requestId !== question.requestId) breach(`requestId ${next.requestId}, before ${question.requestId}`);
      final(scene, next);
      return `the request again, then ${await ends(scene, 'well')}`;
    },
    base,
  ),
  rule(
    'C-4',
    'MUST',
    '14.1',
    'a requestId is used for one request only',
    async (scene) => {
      const question = await onTheWay(questionOf(scene));
      final(scene, question);
      await onTheWay(ends(scene, 'well'));
      const seen = new Map<unknown, string>();
      for (const { inbox } of scene.hub.peers) {
        for (const { frames } of inbox.all.filter(({ command }) => command === 'REQUEST')) {
          const { requestId } = unpack(frames[3]!).map;
          const what = Buffer.concat([frames[2]!, frames[3]!]).toString('hex');
          if (seen.has(requestId) && seen.get(requestId) !== what) breach(`requestId ${requestId} for two requests`);
          seen.set(requestId, what);
        }
      }
      return `${seen.size} requests, each with its number`;
    },
    base,
  ),
  rule(
    'C-7',
    'MUST',
    '14.1',
    'answers to other requestIds, and what comes after the end, are ignored',
    async (scene) => {
      const question = await onTheWay(questionOf(scene));
      const other = { ...question, requestId: question.requestId + 1000 };
      partial(scene, other, 0.5);
      error(other, 'E_SERVICE');
      final(scene, other);
      final(scene, question);
      error(question, 'E_SERVICE', 'after the end');
      partial(scene, question, 0.5);
      return ends(scene, 'well');
    },
    base,
  ),
  rule(
    'C-8',
    'SHOULD',
    '14.1',
    'a client that does not want its answer any more (here: SIGINT) sends CANCEL, or DISCONNECT as it closes',
    async (scene) => {
      const question = await onTheWay(questionOf(scene));
      scene.command.interrupt();
      const came = await question.peer.inbox.until('CANCEL or DISCONNECT', ({ command }) =>
        ['CANCEL', 'DISCONNECT'].includes(command),
      );
      if (came.command === 'DISCONNECT') return 'DISCONNECT';
      const { jobId, requestId } = unpack(came.frames[2]!).map;
      const isMine = jobId === jobIdIn(question) || (jobId === undefined && requestId === question.requestId);
      if (!isMine) breach(`CANCEL names ${jobId ?? requestId}`);
      return 'CANCEL of its job';
    },
    base,
  ),
  rule(
    'C-10',
    'SHOULD',
    '14.1',
    'a client that closes sends DISCONNECT',
    async (scene) => {
      const question = await onTheWay(questionOf(scene));
      final(scene, question);
      await question.peer.inbox.until('DISCONNECT', ({ command }) => command === 'DISCONNECT');
      return 'DISCONNECT after its answer';
    },
    base,
  ),
  rule(
    'C-11',
    'MUST',
    '14.1',
    'on an invalid message open requests end in E_PROTOCOL, or are asked again in a new conversation',
    async (scene) => {
      const question = await onTheWay(questionOf(scene));
      question.peer.raw(message('BXMC02', 'FINAL', question.service, new Uint8Array([0xc1])));
      const again = questionOf(scene).then(
        () => 'asked again in a new conversation',
        () => scene.command.endWithin(0),
      );
      const first = await Promise.race<string | Exit | undefined>([again, scene.command.ended]);
      if (typeof first === 'string') return first;
      if (!first) breach('it still runs, and does not ask again');
      if (first.code === 0) breach('exit code 0, though it had no answer');
      return `exit code ${first.code}: ${scene.command.lastWords}`;
    },
    base,
  ),
  rule(
    'C-12',
    'SHOULD',
    '4.7',
    'a PARTIAL whose arrays hold more than 256 KiB is acknowledged by HEARTBEAT with seen',
    async (scene) => {
      const question = await onTheWay(questionOf(scene));
      const [map, arrays] = reportOf(scene, jobIdIn(question), question.service, 0.5);
      const large = npy('f8', [40_000], new Array<number>(40_000).fill(0.5));
      const entries = { ...map, requestId: question.requestId, arrays: ['counts', 'large'] };
      question.peer.send('PARTIAL', question.service, entries, ...arrays, large);
      await question.peer.inbox.until(
        'HEARTBEAT with seen',
        ({ command, frames }) =>
          command === 'HEARTBEAT' && !!frames[2] && unpack(frames[2]).map.seen === question.requestId,
      );
      return `seen: ${question.requestId}`;
    },
    base,
  ),
  rule(
    'G-14',
    'MUST',
    '12',
    'a client sends something once an interval, the one that WELCOME told',
    async (scene) => {
      const { peer } = await onTheWay(questionOf(scene));
      return scene.beatsOf(peer);
    },
    base,
  ),
  rule(
    'G-12',
    'MUST',
    '3.3',
    'entries that it does not know are ignored, nil is the same as absent, integers are taken in any form',
    async (scene) => {
      const question = await onTheWay(questionOf(scene));
      partial(scene, question, 0.25, { unknown: { a: [1, 2] }, exact: null });
      final(scene, question, { unknown: 'x' });
      return ends(scene, 'well');
    },
    base,
  ),
  rule(
    'A-11',
    'MUST',
    '9.4',
    'a reader takes the keys of an array’s header in any order and any padding',
    async (scene) => {
      const question = await onTheWay(questionOf(scene));
      const [map] = reportOf(scene, jobIdIn(question), question.service, 1);
      const body = bodyOf('u8', countsOf(scene.world.bytes));
      const array = npyWith("{'shape': (256,), 'descr':'<u8','fortran_order':False}", body);
      question.peer.send('FINAL', question.service, { ...map, requestId: question.requestId }, array);
      return ends(scene, 'well');
    },
    base,
  ),
  rule(
    'B-6',
    'MUST',
    '4.5 and 11',
    'ERROR ends a request: the program fails, and says why',
    async (scene) => {
      const question = await onTheWay(questionOf(scene));
      error(question, 'E_CRASHED', 'three workers died of it');
      const how = await ends(scene, 'badly');
      return `${how}: ${scene.command.lastWords}`;
    },
    base,
  ),
  form('G-5', '3.2', 'every message begins with a header of six bytes and a command of one', base),
  form('G-6', '3.2', 'a message has exactly the frames and the required entries of its table', base),
  form('G-7', '3.2', 'a connection speaks under one header from its first message to its last', base),
  form('G-8', '3.3', 'a header map is one map with text keys, none twice, without extensions', base),
  form('G-9', '3.3', 'a header map keeps the limits of length, depth and number', base),
  form('G-10', '3.3', 'whole numbers are written as integers in the smallest form', base),
  form('G-13', '3.3', 'no numeric array stands in a header map', base),
];

const pathOf = (map: { readonly [key: string]: unknown }): string => JSON.stringify(map.inputs);
