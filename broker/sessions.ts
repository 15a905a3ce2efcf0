/** The clients: who is behind a connection, and whether they are still there. */
import { createHash } from 'node:crypto';
import { base32, type ClientId, type Epoch, Liveness, type PeerId } from '../protocol/index.js';

export type Dialect = 'v2' | 'plain';

export interface Session {
  readonly clientId: ClientId;
  readonly dialect: Dialect;
  /** The connection in use; a reconnected client has a new one. */
  peer: PeerId;
  liveness: Liveness;
}

export class Sessions {
  readonly #byPeer = new Map<PeerId, Session>();
  readonly #byClient = new Map<ClientId, Session>();

  constructor(
    readonly heartbeatMs: number,
    readonly epoch: Epoch,
  ) {}

  /** A client's HELLO: new, or back on another connection. */
  hello(peer: PeerId, clientId: ClientId, now: number): Session {
    const known = this.#byClient.get(clientId);
    if (known) {
      this.#leavePeer(known);
      known.peer = peer;
      known.liveness = new Liveness(this.heartbeatMs, now);
      this.#byPeer.set(peer, known);
      return known;
    }
    return this.#add({ clientId, dialect: 'v2', peer, liveness: new Liveness(this.heartbeatMs, now) });
  }

  /** A plain peer speaks: its id is made here and lasts as long as its connection. */
  plain(peer: PeerId, now: number): Session {
    const known = this.#byPeer.get(peer);
    if (known) return known;
    const clientId = base32(createHash('sha256').update(`${this.epoch} ${peer}`).digest().subarray(0, 16)) as ClientId;
    return this.#add({ clientId, dialect: 'plain', peer, liveness: new Liveness(Infinity, now) });
  }

  byPeer(peer: PeerId): Session | undefined {
    return this.#byPeer.get(peer);
  }
  byClient(clientId: ClientId): Session | undefined {
    return this.#byClient.get(clientId);
  }
  all(): Iterable<Session> {
    return this.#byClient.values();
  }

  remove(session: Session): void {
    this.#leavePeer(session);
    this.#byClient.delete(session.clientId);
  }

  /** The connection may be another client's by now. */
  #leavePeer(session: Session): void {
    if (this.#byPeer.get(session.peer) === session) this.#byPeer.delete(session.peer);
  }

  #add(session: Session): Session {
    this.#byPeer.set(session.peer, session);
    this.#byClient.set(session.clientId, session);
    return session;
  }
}
