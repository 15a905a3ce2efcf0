import { expect } from 'chai';
import { ent, hist, MiB, measuredInput, Story } from './story.js';

const long = 16 * 2 ** 30;
const input = (path: string, bytes: number) => [measuredInput(bytes, { path, hash: `${path.charCodeAt(1)}0` })];

/** Clients a, b and c; HIST and ENT on the first slot, with credit for two each. */
function open(): Story {
  const story = new Story({ taskStallMs: 1000 });
  story.ready('h1', hist, { slot: 's1', credit: 2 });
  story.ready('e1', ent, { slot: 's1', credit: 2 });
  for (const letter of ['a', 'b', 'c']) story.hello(letter);
  return story;
}

function asks(story: Story, job: string, service: string, bytes: number): string[] {
  story.asks(job, service, { cache: false });
  return story.measured(job, input(`/${job[0]}`, bytes));
}

const cancels = (lines: readonly string[]) => lines.filter((line) => line.includes('cancel'));

describe('broker/core: what waits at workers is asked back for a newcomer', () => {
  it('and makes room for it at once, before the worker has answered', () => {
    const story = new Story();
    story.ready('h1', hist, { slot: 's1', credit: 4 });
    for (const letter of ['a', 'b', 'c']) story.hello(letter);
    asks(story, 'a1', 'HIST', long);
    const [, waiting] = story.given.get('h1')!;
    const lines = asks(story, 'b1', 'HIST', 64 * MiB);
    expect(lines[0]).to.equal(`h1 ← cancel waiting a1: ${waiting!.attempt}`);
    const given = () => story.given.get('h1')!.filter(({ job }) => job === 'b1').length;
    expect(given(), 'one behind the task that runs').to.equal(1);
    expect(cancels(asks(story, 'c1', 'HIST', 64 * MiB)), 'nothing is asked back twice').to.not.include(lines[0]);
    story.fails('h1', waiting!.attempt, { code: 'E_CANCELLED', message: '' });
    expect(given(), 'the place was taken already').to.equal(1);
  });

  it('not where a slot is idle that serves it', () => {
    const story = open();
    story.ready('e2', ent, { slot: 's2', credit: 2 });
    asks(story, 'a1', 'HIST', long);
    expect(cancels(asks(story, 'b1', 'ENT', 4 * MiB))).to.deep.equal([]);
    expect(story.given.get('e2')!.length).to.be.above(0);
  });

  it('not of slots that do not serve it', () => {
    const story = new Story();
    story.ready('h1', hist, { slot: 's1', credit: 2 });
    story.ready('e2', ent, { slot: 's2', credit: 2 });
    for (const letter of ['a', 'b', 'c']) story.hello(letter);
    asks(story, 'a1', 'HIST', long);
    asks(story, 'c1', 'ENT', long);
    expect(cancels(asks(story, 'b1', 'ENT', 4 * MiB))).to.deep.equal([
      `e2 ← cancel waiting c1: ${story.given.get('e2')![1]!.attempt}`,
    ]);
  });

  it('not of a disk where a task is long, and yet the newcomer’s turn comes, on the same file as well', () => {
    const story = open();
    asks(story, 'a1', 'HIST', long);
    for (let i = 0; i < 6; i++) story.completes('h1', 10, 10);
    expect(story.given.get('h1')!.length, 'one reads, one waits').to.equal(2);
    story.asks('b1', 'ENT', { cache: false });
    expect(cancels(story.measured('b1', input('/a', 64 * MiB)))).to.deep.equal([]);
    let before = 0;
    for (; story.given.get('e1')!.length === 0 && before < 50; before++) story.completes('h1', 160, 10);
    expect(before).to.be.at.most(3);
  });

  it('and what comes back is no sign that the task that runs goes on', () => {
    const story = open();
    asks(story, 'a1', 'HIST', long);
    const [, waiting] = story.given.get('h1')!;
    story.now = 900;
    story.beats('h1');
    story.fails('h1', waiting!.attempt, { code: 'E_CANCELLED', message: '' });
    story.now = 1000;
    expect(story.handle({ kind: 'deadlineReached' }).join()).to.include('E_STALLED');
  });
});
