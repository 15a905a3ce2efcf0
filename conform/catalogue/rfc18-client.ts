/** RFC 18 for clients. */

import { pack, unpack } from '../msgpack.js';
import type { PlayedScene, PlayedWorld } from '../played-world.js';
import { ends, plainAnswer, plainQuestionOf } from '../questions.js';
import { breach, NotSeen, onTheWay, type SeenRule } from '../rules.js';
import { same } from '../wire.js';
import { playedRule } from './made.js';

const rule = playedRule('client', 'mdp');
const base = ['RFC18-C-02'];
const section = 'RFC 18, MDP/Client';

/** A client of RFC 18 and nothing else owes them nothing. */
function ofV2({ world }: PlayedScene): void {
  if (world.options.dialect === 'mdp') throw new NotSeen('is of BXMDPv2; RFC 18 alone was asked for (--dialect mdp)');
}

export const rfc18Client: readonly SeenRule<PlayedWorld>[] = [
  rule(
    'RFC18-C-01',
    'MUST',
    section,
    'REQUEST is MDPC02, 0x01, the service and a body of one frame at least, no empty frame at the head',
    async (scene) => {
      const { service, body } = await plainQuestionOf(scene);
      if (service !== scene.world.service) breach(`it asked ${service}`);
      if (body.length === 0) breach('no body');
      return `REQUEST of ${service} with ${body.length} body frames`;
    },
    [],
  ),
  rule(
    'RFC18-C-02',
    'MUST',
    section,
    'an answer without PARTIALs is taken',
    async (scene) => {
      plainAnswer(scene, 'FINAL', await plainQuestionOf(scene));
      return ends(scene, 'well');
    },
    ['RFC18-C-01'],
  ),
  rule(
    'RFC18-C-03',
    'MUST',
    section,
    'any number of PARTIALs before the FINAL is taken',
    async (scene) => {
      const question = await onTheWay(plainQuestionOf(scene));
      for (let i = 0; i < 50; i++) plainAnswer(scene, 'PARTIAL', question, i / 50);
      plainAnswer(scene, 'FINAL', question);
      return `50 PARTIALs, then FINAL: ${await ends(scene, 'well')}`;
    },
    base,
  ),
  rule(
    'RFC18-C-04',
    'MUST',
    section,
    'the dialog is synchronous: no further REQUEST on a socket before the FINAL',
    async (scene) => {
      const question = await onTheWay(plainQuestionOf(scene));
      await scene.pause(1000);
      plainAnswer(scene, 'PARTIAL', question, 0.5);
      await scene.pause(500);
      const count = question.peer.inbox.count('REQUEST');
      if (count > 1) breach(`${count} REQUESTs on one socket`);
      return 'one REQUEST in a second and a half';
    },
    base,
  ),
  rule(
    'RFC18-C-05',
    'MAY',
    section,
    'without an answer it closes its socket and sends the same request again on a new one',
    async (scene) => {
      const question = await onTheWay(plainQuestionOf(scene));
      const again = await plainQuestionOf(scene, scene.timeoutMs * 2);
      const isSame =
        again.body.length === question.body.length && again.body.every((f, i) => same(f, question.body[i]));
      if (!isSame || again.service !== question.service) breach('the second request is another one');
      plainAnswer(scene, 'FINAL', again);
      return `the same request on a new socket, then ${await ends(scene, 'well')}`;
    },
    base,
  ),
  rule(
    'RFC18-C-06',
    'MUST',
    'RFC 18, Overall Topology',
    'PARTIALs that come again after another worker has taken the request are taken (workers are idempotent)',
    async (scene) => {
      const question = await onTheWay(plainQuestionOf(scene));
      for (const completion of [0.2, 0.4, 0.2, 0.4, 0.6]) plainAnswer(scene, 'PARTIAL', question, completion);
      plainAnswer(scene, 'FINAL', question);
      return ends(scene, 'well');
    },
    base,
  ),
  rule(
    'P-3',
    'MUST',
    'BXMDPv2 7.1',
    'FINAL of BXERR02 and a map is an error: the program fails (for clients of a BXMDPv2 broker)',
    async (scene) => {
      ofV2(scene);
      const { peer, service } = await onTheWay(plainQuestionOf(scene));
      peer.send('FINAL', service, 'BXERR02', { code: 'E_NOT_FOUND', message: 'no such file' });
      const how = await ends(scene, 'badly');
      return `${how}: ${scene.command.lastWords}`;
    },
    base,
  ),
  rule(
    'P-1',
    'MUST',
    'BXMDPv2 7.1',
    'a service with a descriptor is asked by one frame, a msgpack map with inputs (for clients of a BXMDPv2 broker)',
    async (scene) => {
      ofV2(scene);
      const { body } = await onTheWay(plainQuestionOf(scene));
      if (body.length !== 1) breach(`${body.length} body frames`);
      const { map, faults } = unpack(body[0]!);
      if (faults[0]) breach(faults[0].what);
      if (!Array.isArray(map.inputs)) breach('no inputs');
      return `a map of ${Object.keys(map).join(', ')}`;
    },
    base,
  ),
  rule(
    'RFC18-C-07',
    'MUST',
    'RFC 18, Opening and Closing a Connection',
    'what is no answer to its request is not taken for one',
    async (scene) => {
      const question = await onTheWay(plainQuestionOf(scene));
      const { peer } = question;
      peer.raw([Buffer.from('MDPW02'), Uint8Array.of(3), Buffer.from('x')]);
      peer.raw([Buffer.from('MDPC02'), Uint8Array.of(9), Buffer.from(question.service), pack({})]);
      await scene.pause(300);
      const first = scene.command.exit;
      if (first && first.code === 0) breach('it ended well without an answer');
      plainAnswer(scene, 'FINAL', question);
      const exit = await scene.command.endWithin(scene.timeoutMs);
      return exit?.code === 0 ? 'it waited for the FINAL' : `it ended with ${exit?.code ?? 'nothing'}, as a fault`;
    },
    base,
  ),
  {
    id: 'RFC18-C-08',
    level: 'MUST',
    side: 'client',
    dialect: 'mdp',
    source: section,
    text: 'every message has the header and the command of MDP/Client and the frames of its table',
    needs: base,
    last: true,
    async check({ faults, heard }) {
      if (faults[0]) breach(faults[0].what);
      return `all ${heard} messages of this run`;
    },
  },
];
