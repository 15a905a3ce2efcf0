/** Rules with a MUST or SHOULD that cannot be judged from outside, and why. */
import type { Side, UnseenRule } from '../rules.js';
import { unseen } from './made.js';

const broker = unseen('broker', 'v2');
const worker = unseen('worker', 'v2');
const client = unseen('client', 'v2');

const rules: readonly UnseenRule[] = [
  unseen('broker', 'mdp')(
    'RFC18-B-15',
    'MAY',
    'RFC 18, Opening and Closing a Connection',
    'the broker sends DISCONNECT only after a command of the worker',
    'a ROUTER cannot reach a peer that has sent nothing',
  ),
  unseen('broker', 'mdp')(
    'RFC18-B-16',
    'MAY',
    'RFC 18, ROUTER Addressing',
    'one socket for both sub-protocols, or one for each',
    'a broker of two sockets has to be judged at one of them; both kinds of peers connect to one endpoint here',
  ),
  broker(
    'B-10',
    'MUST',
    '12',
    'an attempt without progress for taskStallMs ends its job in E_STALLED',
    'how long that is cannot be known here; 30 s by default',
  ),
  broker('B-28', 'MUST', '9.1', 'samples come before exact tasks where those would take long', 'depends on speed'),
  broker('B-5', 'MUST', '10.2', 'reports are at least 25 ms apart', 'they may be left out; only a clock could tell'),
  broker('A-8', 'MUST', '9.3', 'operators are associative', 'seen as B-4.2 and A-1: splits give the same result'),
  broker('A-13', 'MUST', '9.5', 'the table of c·log2 c is exact', 'the broker has no use of it'),
  worker('G-2', 'MUST', '3.1', 'a DEALER, connected to exactly one broker', 'the type of a peer’s socket is not told'),
  worker('G-3', 'MUST', '3.1', 'a PUB socket is bound', 'is the broker’s'),
  worker('A-6', 'MUST', '9.2', 'a reader refuses broken parts', 'is the broker’s: workers read none'),
  worker(
    'A-9',
    'MUST',
    '9.3',
    'values that reach the dtype’s extreme take a wider dtype',
    'only the author knows them',
  ),
  worker(
    'A-13',
    'MUST',
    '9.5',
    'the table of c·log2 c is exact',
    'which field is an entropy, a descriptor does not say for certain; vectors/entropy-table.json judges code',
  ),
  unseen('worker', 'mdp')(
    'RFC18-W-14',
    'MUST',
    'RFC 18, Opening and Closing a Connection',
    'one DEALER, connected to exactly one broker',
    'the type of a peer’s socket is not told, nor what else it connects to',
  ),
  unseen('client', 'mdp')(
    'RFC18-C-09',
    'MUST',
    'RFC 18, MDP/Client',
    'a DEALER socket',
    'the type of a peer’s socket is not told; a REQ would send an empty frame first (RFC18-C-01)',
  ),
  client('G-2', 'MUST', '3.1', 'a DEALER, connected to exactly one broker', 'the type of a peer’s socket is not told'),
  client('G-20', 'MUST', '16', 'control characters are made harmless on a terminal', 'no terminal is played here'),
  client(
    'C-6.2',
    'SHOULD',
    '14.1',
    'reports whose completion is below what was shown are withheld',
    'what a program shows is its own',
  ),
  unseen('client', 'mdp')('P-9', 'MUST', 'BXMDPv2 7.2', 'PARTIALs may come again', 'seen as RFC18-C-06'),
];

export const unseenRules = (side: Side): UnseenRule[] => rules.filter((rule) => rule.side === side);
