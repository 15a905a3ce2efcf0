/**
 * A broker of RFC 18 and RFC 8 in one file, right unless it is told one fault: what the suite is tried on. It owns its
 * ROUTER and one timer.
 */
import { Router } from 'zeromq';

export const brokerFaults = [
  'none',
  'two addresses',
  'a leading empty frame',
  'joins body frames',
  'names another service',
  'drops PARTIALs',
  'reverses PARTIALs',
  'drops empty frames',
  'passes on what is late',
  'forgets early requests',
  'keeps old requests for ever',
  'serves its first client first',
  'floods workers',
  'takes the youngest worker',
  'is mute to a second READY',
  'is mute to strangers',
  'is mute to answers while idle',
  'does not check addresses',
  'lets a worker ask',
  'beats after DISCONNECT',
  'gives work after DISCONNECT',
  'answers DISCONNECT',
  'takes invalid messages',
  'dies of short messages',
  'does not beat',
  'never misses a worker',
  'beats the dead',
  'counts heartbeats only',
  'beats always',
  'loses requests of those who leave',
  'loses requests of the silent',
  'has no mmi',
  'lets workers be mmi',
  'says 404 always',
  'says 200 always',
  'says 404 in place of 501',
] as const;
export type BrokerFault = (typeof brokerFaults)[number];

interface Job {
  readonly client: Buffer;
  readonly service: string;
  readonly body: Buffer[];
  readonly bornMs: number;
}

interface Worker {
  readonly id: Buffer;
  readonly service: string;
  job: Job | undefined;
  last: Job | undefined;
  held: Buffer[][];
  address: string;
  idleSince: number;
  heardMs: number;
  spokeMs: number;
}

const empty = Buffer.alloc(0);

export class TinyBroker {
  readonly #router = new Router({ linger: 0 });
  readonly #workers = new Map<string, Worker>();
  readonly #dismissed = new Map<string, Buffer>();
  #waiting: Job[] = [];
  readonly #dead = new Map<string, Buffer>();
  #count = 0;
  #timer: NodeJS.Timeout | undefined;
  #sends: Promise<unknown> = Promise.resolve();
  #isDead = false;

  private constructor(
    readonly fault: BrokerFault,
    readonly heartbeatMs: number,
    readonly expireMs: number,
  ) {}

  static async bind(endpoint: string, fault: BrokerFault, heartbeatMs: number, expireMs: number): Promise<TinyBroker> {
    const broker = new TinyBroker(fault, heartbeatMs, expireMs);
    await broker.#router.bind(endpoint);
    void broker.#read();
    broker.#timer = setInterval(() => broker.#tick(), heartbeatMs / 4);
    return broker;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#router.close();
  }

  async #read(): Promise<void> {
    try {
      for await (const [id, ...frames] of this.#router) {
        if (!this.#isDead)
          this.#received(
            Buffer.from(id!),
            frames.map((frame) => Buffer.from(frame)),
          );
      }
    } catch {
      // Closed.
    }
  }

  #send(id: Buffer, header: string, command: number, ...rest: (Buffer | string)[]): void {
    const worker = this.#workers.get(id.toString('hex'));
    if (worker) worker.spokeMs = performance.now();
    const head = this.fault === 'a leading empty frame' ? [empty] : [];
    this.#sends = this.#sends
      .then(() => this.#router.send([id, ...head, header, Buffer.from([command]), ...rest]))
      .catch(() => undefined);
  }

  #received(id: Buffer, frames: Buffer[]): void {
    const [header, command, ...rest] = frames;
    const number = command?.length === 1 ? command[0]! : -1;
    if (this.fault === 'dies of short messages' && frames.length < 2) this.#isDead = true;
    const worker = this.#workers.get(id.toString('hex'));
    if (String(header) === 'MDPC02' && number === 1 && rest.length >= 2 && rest[0]!.length > 0) {
      if (worker && this.fault !== 'lets a worker ask') return this.#dismiss(id);
      return this.#asked(id, String(rest[0]), rest.slice(1));
    }
    if (String(header) === 'MDPW02') {
      const isValid =
        (number === 1 && rest.length === 1 && rest[0]!.length > 0) ||
        ((number === 3 || number === 4) && rest.length >= 3 && rest[1]!.length === 0) ||
        ((number === 5 || number === 6) && rest.length === 0);
      if (isValid) return this.#said(id, number, rest);
    }
    if (worker && this.fault !== 'takes invalid messages') this.#dismiss(id);
  }

  #said(id: Buffer, command: number, rest: Buffer[]): void {
    const worker = this.#workers.get(id.toString('hex'));
    const isAnswer = command === 3 || command === 4;
    if (worker && (command === 5 || this.fault !== 'counts heartbeats only')) worker.heardMs = performance.now();
    if (command === 6) {
      if (this.fault === 'gives work after DISCONNECT') return;
      if (this.fault === 'answers DISCONNECT') this.#send(id, 'MDPW02', 6);
      if (worker) this.#forget(worker, this.fault === 'loses requests of those who leave');
    } else if (command === 1) this.#ready(id, worker, String(rest[0]));
    else if (!worker) {
      // One that was dismissed is owed nothing more.
      if (this.fault !== 'is mute to strangers' && !this.#dismissed.has(id.toString('hex'))) this.#dismiss(id);
    } else if (isAnswer) this.#answered(worker, command, rest);
  }

  #ready(id: Buffer, worker: Worker | undefined, service: string): void {
    if (service.startsWith('mmi.') && this.fault !== 'lets workers be mmi') return this.#dismiss(id);
    if (worker) {
      if (this.fault !== 'is mute to a second READY') this.#dismiss(id);
      return;
    }
    const now = performance.now();
    const fresh: Worker = {
      id,
      service,
      job: undefined,
      last: undefined,
      held: [],
      address: '',
      idleSince: this.#count++,
      heardMs: now,
      spokeMs: now,
    };
    this.#workers.set(id.toString('hex'), fresh);
    this.#dispatch();
  }

  #answered(worker: Worker, command: number, [address, , ...body]: Buffer[]): void {
    const isLoose = this.fault === 'does not check addresses';
    if (!worker.job) {
      const late = worker.last;
      if (this.fault === 'passes on what is late' && late) {
        return this.#send(late.client, 'MDPC02', command - 1, late.service, ...body);
      }
      if (this.fault !== 'is mute to answers while idle') this.#dismiss(worker.id);
      return;
    }
    if (String(address) !== worker.address && !isLoose) return this.#dismiss(worker.id);
    const { client, service } = worker.job;
    const name = this.fault === 'names another service' ? 'another' : service;
    if (command === 3) {
      if (this.fault === 'drops PARTIALs') return;
      if (this.fault === 'reverses PARTIALs') return void worker.held.unshift(body);
      return this.#send(client, 'MDPC02', 2, name, ...this.#bodyOf(body));
    }
    for (const part of worker.held.splice(0)) this.#send(client, 'MDPC02', 2, name, ...part);
    this.#send(client, 'MDPC02', 3, name, ...this.#bodyOf(body));
    worker.last = worker.job;
    worker.job = undefined;
    worker.idleSince = this.#count++;
    this.#dispatch();
  }

  #bodyOf(body: Buffer[]): Buffer[] {
    if (this.fault === 'joins body frames') return [Buffer.concat(body)];
    if (this.fault !== 'drops empty frames') return body;
    const full = body.filter(({ length }) => length > 0);
    return full.length > 0 ? full : body.slice(0, 0);
  }

  #asked(client: Buffer, service: string, body: Buffer[]): void {
    if (service.startsWith('mmi.') && this.fault !== 'has no mmi') return this.#mmi(client, service, String(body[0]));
    const servers = [...this.#workers.values()].filter((worker) => worker.service === service);
    if (servers.length === 0 && this.fault === 'forgets early requests') return;
    const job = { client, service, body, bornMs: performance.now() };
    const isFirst =
      this.fault === 'serves its first client first' && servers.some(({ last }) => last?.client.equals(client));
    if (isFirst) this.#waiting.unshift(job);
    else this.#waiting.push(job);
    this.#dispatch();
  }

  #mmi(client: Buffer, service: string, name: string): void {
    const isServed = [...this.#workers.values()].some((worker) => worker.service === name);
    let code = isServed ? '200' : '404';
    if (this.fault === 'says 404 always') code = '404';
    if (this.fault === 'says 200 always') code = '200';
    if (service !== 'mmi.service') code = this.fault === 'says 404 in place of 501' ? '404' : '501';
    this.#send(client, 'MDPC02', 3, service, code);
  }

  #dispatch(): void {
    for (const job of [...this.#waiting]) {
      const idle = [...this.#workers.values()]
        .filter((worker) => worker.service === job.service && (!worker.job || this.fault === 'floods workers'))
        .sort((a, b) => a.idleSince - b.idleSince);
      const worker = this.fault === 'takes the youngest worker' ? idle.at(-1) : idle[0];
      if (!worker) continue;
      this.#waiting = this.#waiting.filter((each) => each !== job);
      worker.job = job;
      worker.address = `a${this.#count++}`;
      const addresses = this.fault === 'two addresses' ? [worker.address, worker.address] : [worker.address];
      this.#send(worker.id, 'MDPW02', 2, ...addresses, empty, ...this.#bodyOf(job.body));
    }
  }

  #dismiss(id: Buffer): void {
    this.#send(id, 'MDPW02', 6);
    this.#dismissed.set(id.toString('hex'), id);
    const worker = this.#workers.get(id.toString('hex'));
    if (worker) this.#forget(worker, false);
  }

  #forget(worker: Worker, loses: boolean): void {
    this.#workers.delete(worker.id.toString('hex'));
    if (!worker.job || loses) return;
    this.#waiting.unshift(worker.job);
    this.#dispatch();
  }

  #tick(): void {
    const now = performance.now();
    if (this.fault !== 'keeps old requests for ever') {
      this.#waiting = this.#waiting.filter(({ bornMs }) => now - bornMs < this.expireMs);
    }
    for (const worker of [...this.#workers.values()]) {
      if (now - worker.heardMs > this.heartbeatMs * 5 && this.fault !== 'never misses a worker') {
        if (this.fault === 'beats the dead') this.#dead.set(worker.id.toString('hex'), worker.id);
        this.#forget(worker, this.fault === 'loses requests of the silent');
      } else if (this.fault === 'beats always' || now - worker.spokeMs > this.heartbeatMs * 0.9) {
        if (this.fault !== 'does not beat') this.#send(worker.id, 'MDPW02', 5);
      }
    }
    const beaten = this.fault === 'beats after DISCONNECT' ? this.#dismissed : this.#dead;
    for (const id of beaten.values()) this.#send(id, 'MDPW02', 5);
  }
}
