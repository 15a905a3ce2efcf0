/** The first two frames: what is a header, what is a command, and that constants are never written to. */
import { expect } from 'chai';
import {
  clientCommand,
  decodeToBroker,
  decodeToClient,
  decodeToWorker,
  encodeToClient,
  envelope,
  headerOf,
  headers,
  plainErrorBody,
  plainErrorMark,
  text,
  unpackMap,
  workerCommand,
} from '../../protocol/index.js';

describe('the envelope', () => {
  it('has RFC 18’s command bytes where the meaning is the same', () => {
    const { REQUEST, PARTIAL, FINAL } = clientCommand;
    expect({ REQUEST, PARTIAL, FINAL }).to.deep.equal({ REQUEST: 1, PARTIAL: 2, FINAL: 3 });
    const { READY, HEARTBEAT, DISCONNECT } = workerCommand;
    expect({ READY, HEARTBEAT, DISCONNECT }).to.deep.equal({ READY: 1, HEARTBEAT: 5, DISCONNECT: 6 });
    expect([workerCommand.REQUEST, workerCommand.PARTIAL, workerCommand.FINAL]).to.deep.equal([2, 3, 4]);
  });

  it('starts with six bytes that name dialect and side', () => {
    for (const name of Object.keys(headers)) expect(headerOf([Buffer.from(name)])).to.equal(name);
    for (const name of ['', 'MDPC01', 'MDPC0', 'MDPC023', 'mdpc02', 'MDPC0X', 'toString', '__prot']) {
      expect(headerOf([Buffer.from(name)]), name).to.equal(undefined);
    }
    expect(headerOf([])).to.equal(undefined);
  });

  it('is refused with one byte changed, wherever', () => {
    const frames = envelope('BXMC02', clientCommand.HEARTBEAT);
    for (let at = 0; at < 6; at++) {
      const header = Buffer.from(frames[0]!);
      header[at]! ^= 1;
      expect(decodeToBroker([header, frames[1]!]).kind).to.equal('invalid');
    }
  });

  it('reads frames that are views into larger memory', () => {
    const memory = Buffer.from('xxBXMW02\u0005yy');
    expect(decodeToBroker([memory.subarray(2, 8), memory.subarray(8, 9)])).to.deep.equal({ kind: 'workerHeartbeat' });
  });

  it('tells sides apart: what goes to a client is nothing to a worker', () => {
    const beat = encodeToClient({ kind: 'clientHeartbeat' });
    expect(decodeToClient(beat)).to.deep.equal({ kind: 'clientHeartbeat' });
    expect(decodeToWorker(beat).kind).to.equal('invalid');
  });

  it('shares no frame that somebody may write to', () => {
    const [first, again] = [encodeToClient({ kind: 'clientHeartbeat' }), encodeToClient({ kind: 'clientHeartbeat' })];
    expect(first.map(text)).to.deep.equal(again.map(text));
  });
});

describe('an error to a plain client', () => {
  it('is two body frames, the mark and the map', () => {
    const [mark, map, ...more] = plainErrorBody({ code: 'E_IO', message: 'disk', range: [1, 2] });
    expect(text(mark!)).to.equal(plainErrorMark).and.to.equal('BXERR02');
    expect(unpackMap(map!)).to.deep.equal({ code: 'E_IO', message: 'disk', range: [1, 2] });
    expect(more).to.deep.equal([]);
  });
});
