/**
 * What must hold for those who ask, whatever happens: one end a request and nothing after it, reports that are true,
 * ends that have a reason.
 */
import type { Ask, ClientCommand } from '../../client/events.js';
import { type ErrorCode, type Fault, jobIdOf, type Query, type Report, type RequestId } from '../../protocol/index.js';
import type { ClientWatch, SimClient } from './client.js';
import { type FileState, type Files, textOf } from './files.js';
import type { Limits } from './limits.js';
import { type Answer, expectedOf } from './oracle.js';
import type { PlainAnswer, PlainClient } from './plain.js';
import { checkFinal, checkPartial } from './reports.js';
import { demand, type World } from './world.js';

/** What may have gone wrong in the world,  */
export type Trouble = 'change' | 'crash' | 'spin' | 'throw' | 'lie' | 'broker' | 'link' | 'freeze' | 'jump' | 'disk';

/** The troubles that an error can come from. An error with another cause is a violation. */
const causesOf: { readonly [code in ErrorCode]?: readonly Trouble[] } = {
  E_CHANGED: ['change'],
  E_STALLED: ['spin', 'freeze', 'jump'],
  E_SERVICE: ['throw'],
  E_PROTOCOL: ['lie'],
  E_CRASHED: ['crash', 'link', 'freeze', 'jump'],
  E_NO_SERVICE: ['crash', 'broker', 'link', 'freeze', 'jump'],
  E_IO: ['disk'],
  E_NO_BROKER: ['broker', 'link', 'freeze', 'jump'],
  E_BROKER_LOST: ['broker', 'link', 'freeze', 'jump'],
  E_BUSY: [],
  E_EXPIRED: ['broker', 'link', 'freeze', 'jump'],
};

/** Who asked: a SimClient or a plain one. */
interface Asker {
  readonly name: string;
  readonly process: { readonly alive: boolean };
  readonly closed: boolean;
}

/** End at all; end with the answer; end with the answer and without work. */
export type Must = 'end' | 'end well' | 'be cached';

export interface Wish {
  readonly client: Asker;
  readonly who: string;
  /** As the client knows it; a plain one has none. */
  readonly jobId: string | undefined;
  readonly ask: Ask;
  readonly askedMs: number;
  /** Somebody wanted it ended. */
  cancelled: boolean;
  shown: number;
  reports: number;
  end: 'final' | 'abandoned' | ErrorCode | undefined;
  /** No fault can excuse an error. */
  readonly mustEndWell: boolean;
  /** It was answered before: nothing of it is computed again. */
  readonly mustBeCached: boolean;
}

export class Checkers implements ClientWatch {
  readonly wishes: Wish[] = [];
  readonly #byJob = new Map<string, Wish>();
  readonly #troubles: { readonly kind: Trouble; readonly atMs: number }[] = [];
  readonly counts = { partials: 0, finals: 0, errors: 0, cancelAcks: 0 };
  /** Who waits to hear what became of a cancelled job. */
  readonly #cancelling = new Map<string, Asker>();
  readonly #answers = new Map<string, Answer | ErrorCode>();

  constructor(
    readonly world: World,
    readonly files: Files,
    readonly limits: Limits,
    readonly jobsMax: number,
  ) {}

  trouble(kind: Trouble, atMs = this.world.now): void {
    this.#troubles.push({ kind, atMs });
  }

  get isQuiet(): boolean {
    const isThere = ({ process, closed }: Asker) => process.alive && !closed;
    return (
      this.wishes.every(({ end, client }) => end !== undefined || !isThere(client)) &&
      [...this.#cancelling.values()].every((client) => !isThere(client))
    );
  }

  cancelAsked(client: SimClient, jobId: string): void {
    if (!client.closed) this.#cancelling.set(`${client.name} ${jobId}`, client);
  }

  asked(client: SimClient, ask: Ask, requestId: RequestId, must: Must): void {
    const jobId = jobIdOf(client.clientId, requestId);
    this.#byJob.set(jobId, this.#wish(client, `${client.name} ${requestId}`, jobId, ask, must));
  }

  askedPlainly(client: PlainClient, ask: Ask, must: Must): void {
    const wish = this.#wish(client, client.name, undefined, ask, must);
    client.ask(ask, (answer) => this.#toldPlainly(wish, answer));
  }

  #wish(client: Asker, who: string, jobId: string | undefined, ask: Ask, must: Must): Wish {
    const wish: Wish = {
      client,
      who,
      jobId,
      ask,
      askedMs: this.world.now,
      cancelled: false,
      shown: -1,
      reports: 0,
      end: undefined,
      mustEndWell: must !== 'end',
      mustBeCached: must === 'be cached',
    };
    this.wishes.push(wish);
    return wish;
  }

  // --- what clients are told

  clientTold(client: SimClient, command: ClientCommand): void {
    if (!('requestId' in command)) {
      if (command.kind === 'resolveCancel') this.counts.cancelAcks++;
      if ('jobId' in command) this.#cancelling.delete(`${client.name} ${command.jobId}`);
      return;
    }
    const wish = this.#byJob.get(jobIdOf(client.clientId, command.requestId));
    demand(wish, `${client.name} ${command.requestId}: something came for a request that was never made`);
    switch (command.kind) {
      case 'deliverReport':
        return this.#told(wish, { kind: 'report', report: command.report });
      case 'resolveFinal':
        return this.#told(wish, { kind: 'final', report: command.report });
      case 'deliverRaw':
        return this.#told(wish, { kind: 'rawPartial', body: command.body });
      case 'resolveRaw':
        return this.#told(wish, { kind: 'raw', body: command.body });
      case 'rejectJob':
        return this.#told(wish, { kind: 'error', fault: command.fault });
      default:
        command satisfies never;
    }
  }

  #toldPlainly(wish: Wish, answer: PlainAnswer): void {
    demand(answer.kind !== 'abandoned' || !wish.mustEndWell, `${wish.who}: the connection broke without a fault`);
    this.#told(wish, answer);
  }

  #told(wish: Wish, answer: PlainAnswer): void {
    const { who } = wish;
    this.world.log(`${who} told ${answer.kind}${answer.kind === 'error' ? ` ${answer.fault.code}` : ''}`);
    demand(wish.end === undefined, `${who}: ${answer.kind} after its end, ${wish.end}`);
    switch (answer.kind) {
      case 'report': {
        const { completion } = answer.report;
        this.counts.partials++;
        demand(completion >= wish.shown, `${who}: completion fell from ${wish.shown} to ${completion}`);
        wish.shown = completion;
        wish.reports++;
        return checkPartial(answer.report, this.#answer(wish, answer.report, who), who);
      }
      case 'final':
        this.counts.finals++;
        wish.end = 'final';
        demand(!wish.mustBeCached || answer.report.work.tasks === 0, `${who}: computed again`);
        return checkFinal(answer.report, this.#answer(wish, answer.report, who), who);
      case 'rawPartial':
        wish.reports++;
        return;
      case 'raw':
        this.counts.finals++;
        wish.end = 'final';
        return checkRaw(wish, answer.body, who);
      case 'error':
        this.counts.errors++;
        wish.end = answer.fault.code;
        return this.#checkFault(wish, answer.fault, who);
      case 'abandoned':
        wish.end = 'abandoned';
        return;
      default:
        answer satisfies never;
    }
  }

  #answer(wish: Wish, report: Report, who: string): Answer {
    demand(wish.ask.kind === 'query', `${who}: a report for a raw request`);
    const { query } = wish.ask;
    const states = report.inputs.map(({ identity }) => this.files.byId(identity));
    demand(
      states.every((state) => state !== undefined),
      `${who}: an identity that no file ever had`,
    );
    states.forEach((state, i) => {
      demand(state!.path === textOf(query.inputs[i]![0]!.path), `${who}: input ${i} is another file`);
      const { hash } = report.inputs[i]!;
      demand(hash === null || hash === state!.hash, `${who}: the hash of another content`);
    });
    const answer = this.expected(query, states);
    demand(typeof answer === 'object', `${who}: answered, though it is to be refused with ${String(answer)}`);
    return answer;
  }

  expected(query: Query, states: readonly (FileState | undefined)[]): Answer | ErrorCode {
    const key = JSON.stringify([
      query.service,
      query.range,
      query.cells,
      query.snap,
      query.params,
      states.map((it) => it?.id),
    ]);
    let answer = this.#answers.get(key);
    if (answer === undefined) this.#answers.set(key, (answer = expectedOf(query, states)));
    return answer;
  }

  #checkFault({ ask, cancelled, askedMs, mustEndWell }: Wish, fault: Fault, who: string): void {
    const told = `${who}: ended with ${fault.code} (${fault.message})`;
    if (fault.code === 'E_CANCELLED') return demand(cancelled, `${told}, though nobody cancelled it`);
    if (ask.kind === 'query') {
      const states = ask.query.inputs.map((input) => this.files.get(textOf(input[0]!.path)));
      if (this.expected(ask.query, states) === fault.code) return;
      // The state that it was refused for may be gone.
      if (['E_RANGE', 'E_CELLS'].includes(fault.code) && this.#count(['change'], askedMs) > 0) return;
    }
    if (fault.code === 'E_BUSY') return demand(this.limits.jobsMost >= this.jobsMax, `${told}, but there was room`);
    const causes = causesOf[fault.code];
    // A piece that others wanted before may be blamed for their time.
    const isBlamed = fault.code === 'E_CRASHED';
    demand(causes && (isBlamed || !mustEndWell), `${told}, which nothing explains`);
    // What happened shortly before may show now. Three deaths are three troubles, unless a broker that stood still takes
    // several connections that were given up meanwhile for as many workers.
    const stoodStill = this.#count(['freeze', 'jump'], askedMs - 8000) > 0;
    const needed = isBlamed && !stoodStill ? 3 : 1;
    demand(this.#count(causes, askedMs - 8000) >= needed, `${told}, without ${causes.join(', ')} before it`);
  }

  #count(kinds: readonly Trouble[], sinceMs: number): number {
    return this.#troubles.filter(({ kind, atMs }) => atMs >= sinceMs && kinds.includes(kind)).length;
  }
}

/** ECHO answers with what it got. */
function checkRaw({ ask }: Wish, body: readonly Uint8Array[], who: string): void {
  demand(ask.kind === 'raw', `${who}: a raw answer to a query`);
  const [asked, told] = [ask.body, body].map((frames) =>
    frames.map((frame) => Buffer.from(frame).toString('hex')).join(),
  );
  demand(asked === told, `${who}: the echo is another`);
}
