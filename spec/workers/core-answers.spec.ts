/** Answers that wait for each other. */
import { expect } from 'chai';
import type { Attempt } from '../../protocol/ids.js';
import type { ToWorker } from '../../protocol/messages.js';
import {
  assign,
  cancel,
  closeSocket,
  computed,
  deadline,
  disconnect,
  epoch,
  heartbeat,
  job,
  received,
  registered,
  sendDisconnect,
  sendError,
  sendFinal,
  startTask,
  task,
  work,
} from './core-words.js';

describe('WorkerCore, of several short tasks of one job', () => {
  const holding = (tasks: number, jobNumber = 1) => {
    const worker = registered();
    for (let attempt = 1; attempt <= tasks; attempt++) worker.handle(assign(attempt, jobNumber), 1);
    return worker;
  };

  it('answers together, before the last one runs', () => {
    const { handle } = holding(4);
    expect(handle(computed(1), 2)).to.deep.equal([startTask(2)]);
    expect(handle(computed(2), 3)).to.deep.equal([startTask(3)]);
    expect(handle(computed(3), 4)).to.deep.equal([sendFinal(1), sendFinal(2), sendFinal(3), startTask(4)]);
    expect(handle(computed(4), 5)).to.deep.equal([sendFinal(4)]);
  });

  it('lets no answer wait longer than 20 ms', () => {
    const { core, handle } = holding(5);
    handle(computed(1), 2);
    handle(computed(2), 12);
    expect(core.nextDeadline()).to.equal(22);
    expect(handle(deadline, 22)).to.deep.equal([sendFinal(1), sendFinal(2)]);
    expect(core.nextDeadline()).to.be.above(22);
  });

  it('takes more meanwhile, and answers at once where anything else happens', () => {
    const { handle } = holding(3);
    handle(computed(1), 2);
    expect(handle(assign(4, 1), 3)).to.deep.equal([]);
    expect(handle(heartbeat, 4)).to.deep.equal([sendFinal(1)]);
    handle(computed(2), 5);
    expect(handle(cancel(1, 4), 6)).to.deep.equal([
      sendFinal(2),
      sendError(4, 'E_CANCELLED', 'the task was cancelled'),
    ]);
  });

  it('gives back what waits, and goes on with what runs, where that is asked', () => {
    const { handle } = holding(4);
    handle(computed(1), 2);
    const recall = received({ kind: 'workerCancel', jobId: job(1), attempts: [2, 3, 4] as Attempt[], waiting: true });
    const given = (attempt: number) => sendError(attempt, 'E_CANCELLED', 'the task was cancelled');
    expect(handle(recall, 3)).to.deep.equal([sendFinal(1), given(3), given(4)]);
    expect(handle(computed(2), 4)).to.deep.equal([sendFinal(2)]);
  });

  it('counts what it sends so as having spoken', () => {
    const { core, handle } = holding(5);
    handle(computed(1), 500);
    handle(deadline, 520);
    expect(core.nextDeadline(), 'an interval later, at one of the common moments').to.equal(1500);
  });

  it('sends an error behind the answers that waited', () => {
    const { handle } = holding(4);
    handle(computed(1), 2);
    const fault = { code: 'E_SERVICE', message: 'HIST failed at 0x0' } as const;
    expect(handle({ kind: 'taskFailed', run: 2, fault, work }, 3)).to.deep.equal([
      sendFinal(1),
      sendError(2, 'E_SERVICE', 'HIST failed at 0x0', work),
      startTask(3),
    ]);
  });

  it('lets nothing wait that somebody may wait for: another job’s tasks stand behind it, or it is a sample', () => {
    const mixed = holding(1, 1);
    mixed.handle(assign(2, 2), 1);
    mixed.handle(assign(3, 1), 1);
    expect(mixed.handle(computed(1), 2)).to.deep.equal([sendFinal(1), startTask(2)]);
    for (const [kinds, answers] of [
      [['sample', 'exact', 'exact'], true],
      [['exact', 'exact', 'sample'], true],
      [['exact', 'exact', 'exact'], false],
    ] as const) {
      const { handle } = registered();
      for (const [i, kind] of kinds.entries()) {
        const message = {
          kind: 'assign',
          attempt: (i + 1) as Attempt,
          epoch,
          jobId: job(1),
          task: { ...task, kind },
        };
        handle(received(message as ToWorker), 1);
      }
      const sent = handle(computed(1), 2).filter((command) => command.kind === 'send');
      expect(sent, kinds.join()).to.deep.equal(answers ? [sendFinal(1)] : []);
    }
  });

  it('forgets what waited where the conversation ends, and sends it first where the worker stops', () => {
    const lost = holding(3);
    lost.handle(computed(1), 2);
    expect(lost.handle(disconnect, 3)).to.not.deep.include(sendFinal(1));
    const ending = holding(3);
    ending.handle(computed(1), 2);
    expect(ending.handle({ kind: 'stopRequested' }, 3).slice(-3)).to.deep.equal([
      sendFinal(1),
      sendDisconnect,
      closeSocket,
    ]);
  });
});
