import { expect } from 'chai';
import {
  abortTask,
  assign,
  cancel,
  closeSocket,
  computed,
  deadline,
  disconnect,
  heartbeat,
  job,
  newWorker,
  openSocket,
  registered,
  replaceThread,
  sendBeat,
  sendBusyBeat,
  sendDisconnect,
  sendError,
  sendFinal,
  sendReady,
  startTask,
  stopped,
  welcome,
  work,
} from './core-words.js';

describe('WorkerCore', () => {
  it('registers: a socket, READY, and on WELCOME an ear for cancellations', () => {
    const { core, handle } = newWorker();
    expect(core.nextDeadline()).to.equal(Infinity);
    expect(handle({ kind: 'started' }, 0)).to.deep.equal([openSocket, sendReady]);
    expect(core.state).to.equal('unregistered');
    expect(handle(welcome, 5)).to.deep.equal([{ kind: 'subscribe', endpoint: 'ipc://cancel.sock' }]);
    expect(core.state).to.equal('idle');
    expect(core.nextDeadline()).to.equal(1000);
  });

  it('runs one task, keeps the next waiting, answers both in order', () => {
    const { core, handle } = registered();
    expect(handle(assign(1), 1)).to.deep.equal([startTask(1)]);
    expect(handle(assign(2), 2)).to.deep.equal([]);
    expect(core.state).to.equal('working');
    expect(handle(computed(1), 3)).to.deep.equal([sendFinal(1), startTask(2)]);
    expect(handle(computed(2), 4)).to.deep.equal([sendFinal(2)]);
    expect(core.state).to.equal('idle');
  });

  it('passes a service’s error on and goes on', () => {
    const { handle } = registered();
    handle(assign(1), 1);
    const fault = { code: 'E_SERVICE', message: 'HIST failed at 0x0' } as const;
    expect(handle({ kind: 'taskFailed', run: 1, fault, work }, 2)).to.deep.equal([
      sendError(1, 'E_SERVICE', 'HIST failed at 0x0', work),
    ]);
    expect(handle(assign(2), 3)).to.deep.equal([startTask(2)]);
  });

  it('beats once an interval of silence; a busy one says how far it is', () => {
    const { handle } = registered();
    expect(handle(deadline, 999)).to.deep.equal([]);
    expect(handle(deadline, 1000)).to.deep.equal([sendBeat]);
    handle(assign(1), 1500);
    handle({ kind: 'taskProgressed', run: 1, bytesDone: 1024 }, 1900);
    expect(handle(deadline, 2000)).to.deep.equal([sendBusyBeat(1, 1024)]);
    expect(handle(computed(1), 2500)).to.deep.equal([sendFinal(1)]);
    expect(handle(deadline, 3000)).to.deep.equal([]);
    expect(handle(deadline, 3500)).to.deep.equal([sendBeat]);
  });

  it('drops queued tasks of a cancelled job and answers each; the running one of another job goes on', () => {
    const { handle } = registered();
    handle(assign(1, 7), 1);
    handle(assign(2, 8), 1);
    handle(assign(3, 9), 1);
    handle(assign(4, 8), 1);
    expect(handle({ kind: 'cancelPublished', jobId: job(8) }, 2)).to.deep.equal([
      sendError(2, 'E_CANCELLED', 'the task was cancelled'),
      sendError(4, 'E_CANCELLED', 'the task was cancelled'),
    ]);
    expect(handle(computed(1), 3)).to.deep.equal([sendFinal(1), startTask(2)]);
    expect(handle(computed(2), 4)).to.deep.equal([sendFinal(3)]);
  });

  it('asks a running kernel to stop, answers when it has, and starts the next only then', () => {
    const { handle } = registered();
    handle(assign(1, 7), 1);
    handle(assign(2, 8), 1);
    expect(handle(cancel(7, 1), 2)).to.deep.equal([abortTask(1)]);
    expect(handle(stopped(1), 4)).to.deep.equal([sendError(1, 'E_CANCELLED', 'stopped', work), startTask(2)]);
  });

  it('a repeated cancellation asks once; its answer is sent once', () => {
    const { handle } = registered();
    handle(assign(1, 7), 1);
    expect(handle({ kind: 'cancelPublished', jobId: job(7) }, 2)).to.deep.equal([abortTask(1)]);
    expect(handle(cancel(7, 1), 3)).to.deep.equal([]);
    expect(handle(stopped(1), 4)).to.deep.equal([sendError(1, 'E_CANCELLED', 'stopped', work)]);
    expect(handle(cancel(7, 1), 5)).to.deep.equal([]);
  });

  it('takes the thread from a kernel that does not stop within the grace, and turns its late result away', () => {
    const { core, handle } = registered();
    handle(assign(1, 7), 1);
    handle(assign(2, 8), 1);
    handle(cancel(7, 1), 10);
    expect(core.nextDeadline()).to.equal(110);
    expect(handle(deadline, 110)).to.deep.equal([
      replaceThread(1),
      sendError(1, 'E_CANCELLED', 'the task was cancelled', { bytesRead: 0, ms: 100 }),
      startTask(2),
    ]);
    expect(handle(computed(1), 111)).to.deep.equal([]);
    expect(handle(computed(2), 112)).to.deep.equal([sendFinal(2)]);
  });

  it('a result that overtakes its cancellation is a result', () => {
    const { handle } = registered();
    handle(assign(1, 7), 1);
    handle(cancel(7, 1), 2);
    expect(handle(computed(1), 3)).to.deep.equal([sendFinal(1)]);
    expect(handle(deadline, 200)).to.deep.equal([]);
  });

  it('knows nothing of other jobs, nor of a job whose id only begins alike', () => {
    const { handle } = registered();
    handle(assign(1, 17), 1);
    expect(handle({ kind: 'cancelPublished', jobId: job(1) }, 2)).to.deep.equal([]);
    expect(handle({ kind: 'cancelPublished', jobId: job(171) }, 2)).to.deep.equal([]);
    expect(handle(cancel(9, 5), 2)).to.deep.equal([]);
  });

  it('fails a task without progress for taskStallMs and has another thread; progress puts it off', () => {
    const { core, handle } = registered({ taskStallMs: 300 });
    handle(assign(1), 100);
    expect(core.nextDeadline()).to.equal(400);
    handle({ kind: 'taskProgressed', run: 1, bytesDone: 512 }, 390);
    expect(handle(deadline, 400)).to.deep.equal([]);
    handle({ kind: 'taskProgressed', run: 1, bytesDone: 512 }, 600);
    expect(handle(deadline, 690)).to.deep.equal([
      replaceThread(1),
      sendError(1, 'E_STALLED', 'HIST made no progress for 0.3 s after 512 bytes; its loops are to call task.check()', {
        bytesRead: 512,
        ms: 300,
      }),
    ]);
    expect(core.state).to.equal('idle');
    expect(handle(stopped(1), 700)).to.deep.equal([]);
  });

  it('on DISCONNECT drops its work unanswered and begins anew on a fresh socket, sending nothing before READY', () => {
    const { handle } = registered();
    handle(assign(1), 1);
    handle(assign(2), 1);
    expect(handle(disconnect, 5000)).to.deep.equal([abortTask(1), closeSocket, openSocket, sendReady]);
    expect(handle(welcome, 5001)).to.deep.equal([{ kind: 'subscribe', endpoint: 'ipc://cancel.sock' }]);
    // The restarted broker counts from 1 again while the old kernel still runs: its result belongs to nobody.
    expect(handle(assign(1), 5002)).to.deep.equal([]);
    expect(handle(computed(1), 5003)).to.deep.equal([startTask(2)]);
    expect(handle(computed(2), 5004)).to.deep.equal([sendFinal(1)]);
  });

  it('replaces the thread of an abandoned kernel after the grace, though nobody waits for an answer', () => {
    const { handle } = registered();
    handle(assign(1), 4000);
    handle(disconnect, 5000);
    expect(handle(deadline, 5100)).to.deep.equal([replaceThread(1)]);
  });

  it('takes a broker silent for five intervals for gone', () => {
    const { handle } = registered();
    handle(heartbeat, 2000);
    for (const now of [2500, 3500, 4500, 5500, 6500]) handle(deadline, now);
    expect(handle(deadline, 6999)).to.deep.equal([]);
    expect(handle(deadline, 7000)).to.deep.equal([closeSocket, openSocket, sendReady]);
  });

  it('without WELCOME tries another socket after five intervals, for ever', () => {
    const { core, handle } = newWorker({ heartbeatMs: 100 });
    handle({ kind: 'started' }, 0);
    for (let life = 1; life <= 5; life++) {
      for (let beat = 1; beat <= 4; beat++) {
        expect(handle(deadline, (life - 1) * 500 + beat * 100)).to.deep.equal([sendBeat]);
      }
      expect(handle(deadline, life * 500)).to.deep.equal([closeSocket, openSocket, sendReady]);
    }
    expect(core.nextDeadline()).to.equal(2600);
  });

  it('rests longer and longer while conversations end at once, and forgets it after a good one', () => {
    const { core, handle } = newWorker();
    handle({ kind: 'started' }, 0);
    expect(handle(disconnect, 1)).to.deep.equal([closeSocket, openSocket, sendReady]);
    expect(handle(disconnect, 2)).to.deep.equal([closeSocket]);
    expect(core.nextDeadline()).to.equal(52);
    expect(handle(deadline, 51)).to.deep.equal([]);
    expect(handle(deadline, 52)).to.deep.equal([openSocket, sendReady]);
    handle(disconnect, 53);
    expect(core.nextDeadline()).to.equal(153);
    handle(deadline, 153);
    handle(welcome, 154);
    expect(handle(disconnect, 2000)).to.deep.equal([closeSocket, openSocket, sendReady]);
  });

  it('leaves a broker that breaks the protocol: invalid frames, work before WELCOME, an attempt given twice', () => {
    const leaving = [sendDisconnect, closeSocket, openSocket, sendReady];
    const one = registered();
    expect(
      one.handle({ kind: 'received', message: { kind: 'invalid', header: 'BXMW02', reason: 'garbage' } }, 2000),
    ).to.deep.equal(leaving);
    const two = newWorker();
    two.handle({ kind: 'started' }, 0);
    expect(two.handle(assign(1), 2000)).to.deep.equal(leaving);
    const three = registered();
    three.handle(assign(1), 2000);
    expect(three.handle(assign(1), 2001)).to.deep.equal([sendDisconnect, abortTask(1), ...leaving.slice(1)]);
  });

  it('answers what it has no room for with E_BUSY', () => {
    const { handle } = registered({ credit: 2, heldMax: 2 });
    handle(assign(1), 1);
    handle(assign(2), 1);
    expect(handle(assign(3), 1)).to.deep.equal([sendError(3, 'E_BUSY', 'a worker holds 2 attempts already')]);
  });

  it('does not send a part that the broker would not take', () => {
    const { handle } = registered();
    handle(assign(1), 1);
    const frames = [new Uint8Array(1 << 20), new Uint8Array(1)];
    expect(handle({ kind: 'taskComputed', run: 1, part: { arrays: ['a', 'b'], frames }, work }, 2)).to.deep.equal([
      sendError(1, 'E_CELLS', 'a part of 1048577 bytes is longer than the broker takes, 1048576', work),
    ]);
  });

  it('takes leave when asked to stop, and is silent ever after', () => {
    const { core, handle } = registered();
    handle(assign(1), 1);
    expect(handle({ kind: 'stopRequested' }, 2)).to.deep.equal([abortTask(1), sendDisconnect, closeSocket]);
    expect(handle(computed(1), 3)).to.deep.equal([]);
    expect(handle(deadline, 1e9)).to.deep.equal([]);
    expect(core.nextDeadline()).to.equal(Infinity);
    expect(core.state).to.equal('stopped');
  });

  it('names the option that makes no sense', () => {
    expect(() => newWorker({ credit: 0 })).to.throw('credit is 0');
    expect(() => newWorker({ heldMax: 1 })).to.throw('heldMax is 1');
    expect(() => newWorker({ taskStallMs: NaN })).to.throw('taskStallMs is NaN');
  });
});
