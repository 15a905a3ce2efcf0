import { expect } from 'chai';
import { Sessions } from '../../broker/sessions.js';
import { type ClientId, type Epoch, isClientId, type PeerId } from '../../protocol/index.js';

const heartbeatMs = 100;
const ann = 'a'.repeat(26) as ClientId;
const bob = 'b'.repeat(26) as ClientId;
const peer = (name: string) => name as PeerId;
const sessionsOf = (epoch = 'e1') => new Sessions(heartbeatMs, epoch as Epoch);

describe('broker/sessions', () => {
  it('a client is found by its connection and by its id', () => {
    const sessions = sessionsOf();
    const session = sessions.hello(peer('p1'), ann, 0);
    expect([sessions.byPeer(peer('p1')), sessions.byClient(ann)]).to.deep.equal([session, session]);
    expect(session).to.include({ clientId: ann, dialect: 'v2', peer: 'p1' });
    expect([sessions.byPeer(peer('p2')), sessions.byClient(bob)]).to.deep.equal([undefined, undefined]);
  });

  it('a client that is back on another connection is the same, alive again, and no longer on the first', () => {
    const sessions = sessionsOf();
    const session = sessions.hello(peer('p1'), ann, 0);
    expect(session.liveness.isLate(500)).to.equal(true);
    expect(sessions.hello(peer('p2'), ann, 500)).to.equal(session);
    expect(session.liveness.isLate(999)).to.equal(false);
    expect(sessions.byPeer(peer('p1'))).to.equal(undefined);
    expect(sessions.byPeer(peer('p2'))).to.equal(session);
    expect([...sessions.all()]).to.deep.equal([session]);
  });

  it('a connection that another client has taken stays with it when the first one moves or goes', () => {
    const sessions = sessionsOf();
    const first = sessions.hello(peer('p1'), ann, 0);
    const second = sessions.hello(peer('p1'), bob, 1);
    sessions.hello(peer('p2'), ann, 2);
    expect(sessions.byPeer(peer('p1'))).to.equal(second);
    sessions.hello(peer('p1'), bob, 3);
    sessions.remove(first);
    expect(sessions.byPeer(peer('p1'))).to.equal(second);
    expect(sessions.byPeer(peer('p2'))).to.equal(undefined);
    expect([...sessions.all()]).to.deep.equal([second]);
  });

  it('a plain peer gets an id of its connection and this broker’s life, and is never late', () => {
    const sessions = sessionsOf();
    const plain = sessions.plain(peer('p1'), 0);
    expect(isClientId(plain.clientId)).to.equal(true);
    expect(sessions.plain(peer('p1'), 5)).to.equal(plain);
    expect(sessions.plain(peer('p2'), 5).clientId).to.not.equal(plain.clientId);
    expect(sessionsOf('e2').plain(peer('p1'), 0).clientId).to.not.equal(plain.clientId);
    expect(plain.dialect).to.equal('plain');
    expect([plain.liveness.isLate(1e12), plain.liveness.beatIsDue(1e12)]).to.deep.equal([false, false]);
    expect(plain.liveness.deadline()).to.equal(Infinity);
  });

  it('who is removed is forgotten on both sides', () => {
    const sessions = sessionsOf();
    const session = sessions.hello(peer('p1'), ann, 0);
    sessions.remove(session);
    expect([sessions.byPeer(peer('p1')), sessions.byClient(ann), [...sessions.all()]]).to.deep.equal([
      undefined,
      undefined,
      [],
    ]);
  });
});
