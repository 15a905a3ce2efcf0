/** The first picture of cells: when it is told, and what waits for it. */
import { expect } from 'chai';
import {
  type Attempt,
  cellCount,
  checkDescriptor,
  encodePart,
  fieldsOf,
  type PeerId,
  sampleFields,
} from '../../protocol/index.js';
import { sets } from '../sim/sets.js';
import { ent, jobIdOf, MiB, Story, zeroPart } from './story.js';

describe('broker/core: the first picture of cells', () => {
  /** 1 GiB of ENT that is sampled in four tasks, two slots with credit for two. */
  const open = () => {
    const story = new Story({ sampleAboveMs: 1 });
    for (const peer of ['w1', 'w2']) story.ready(peer, ent, { credit: 2 });
    story.hello('a');
    story.asks('a1', 'ENT', { cache: false, cells: 1024 });
    story.measured('a1', 2 ** 30);
    return story;
  };
  const held = (story: Story) => [...story.given].flatMap(([peer, tasks]) => tasks.map((it) => ({ peer, ...it })));

  it('has all slots until it is whole, and is told before exact tasks are given out', () => {
    const story = open();
    let samples = 0;
    for (;;) {
      const next = held(story).find(({ task }) => task.kind === 'sample');
      if (!next) break;
      expect(held(story).every(({ task }) => task.kind === 'sample')).to.equal(true);
      story.now += 5;
      const lines = story.completes(next.peer);
      samples++;
      const isLast = samples === 4;
      const report = lines.indexOf('a.c ← report of a1');
      expect(report, 'one report, of the whole').to.equal(isLast ? 0 : -1);
      if (isLast) expect(lines.filter((line) => line.includes(' task ')).length).to.be.at.least(2);
    }
    expect(samples).to.equal(4);
  });

  it('is told in part where it takes longer than a tenth of a second, and whole when its turn comes', () => {
    const story = open();
    const completes = () => story.completes(held(story).find(({ task }) => task.kind === 'sample')!.peer);
    for (let i = 0; i < 3; i++) completes();
    expect(story.passes(99)).to.deep.equal([]);
    expect(story.passes(1)).to.deep.equal(['a.c ← report of a1']);
    expect(completes()).to.not.include('a.c ← report of a1');
    expect(story.passes(24)).to.deep.equal([]);
    expect(story.passes(1)).to.deep.equal(['a.c ← report of a1']);
  });

  it('does not wait for what a part of it cost; the report after it does', () => {
    const story = open();
    const completes = () => story.completes(held(story).find(({ task }) => task.kind === 'sample')!.peer);
    const cost = { kind: 'reportSent', jobId: jobIdOf('a1'), buildMs: 15, bytes: 60_000 } as const;
    for (let i = 0; i < 3; i++) completes();
    story.passes(100);
    story.handle(cost);
    completes();
    expect(story.passes(24)).to.deep.equal([]);
    expect(story.passes(1)).to.deep.equal(['a.c ← report of a1']);
    story.handle(cost);
    story.completes(held(story)[0]!.peer);
    expect(story.passes(299)).to.deep.equal([]);
    expect(story.passes(1)).to.deep.equal(['a.c ← report of a1']);
  });

  it('is laid out for a few slots where none has come yet', () => {
    const story = new Story({ sampleAboveMs: 1 }, { startable: [ent] });
    story.hello('a');
    story.asks('a1', 'ENT', { cache: false, cells: 1024 });
    story.measured('a1', 2 ** 30);
    story.ready('w1', ent, { credit: 16 });
    const runs = held(story).map(({ task }) => task.runs.length);
    expect(runs).to.include(512).and.to.not.include(1024);
  });

  it('does not keep back what the cache has', () => {
    const story = new Story({ sampleAboveMs: 1 });
    story.ready('w1', ent, { credit: 2 });
    story.hello('a');
    story.asks('a1', 'ENT', { cells: 1024 });
    expect(story.measured('a1', 2 ** 30, [[0, 64 * MiB]])).to.include('read 0_67108864 for a1');
    const part = zeroPart(ent, { kind: 'exact', runs: [[0, 64 * MiB]], cellBytes: MiB });
    const bounds = { start: 0, end: 64 * MiB };
    const lines = story.handle({ kind: 'chunkRead', jobId: jobIdOf('a1'), bounds, part });
    expect(lines).to.include('a.c ← report of a1');
  });

  for (const wrong of [2, 4]) {
    it(`ends with its job where sample ${wrong} does not merge: nothing of it goes to the service any more`, () => {
      const finishing = checkDescriptor({
        ...sets.descriptor,
        cached: false,
        fields: [{ name: 'c', dtype: 'u8', merge: 'sum', cells: true }],
        report: [{ name: 'c', of: 'c', finish: 'value', scope: 'both' }],
      });
      const story = new Story({ sampleAboveMs: 1 });
      story.ready('w1', finishing, { credit: 16 });
      story.hello('a');
      story.asks('a1', finishing.name, { cache: false, cells: 1024 });
      story.measured('a1', 2 ** 30);
      const answer = (width: number) => {
        const { attempt, task } = story.given.get('w1')!.shift()!;
        const span = { start: task.runs[0]![0], end: task.runs.at(-1)![1], cellBytes: task.cellBytes };
        const rows = cellCount(span);
        const unknown = new Float64Array(rows).fill(NaN);
        const columns = {
          c: new Float64Array(rows * width),
          n: new Float64Array(rows).fill(16_384),
          lo: unknown,
          hi: unknown,
        };
        return story.handle({
          kind: 'messageReceived',
          peer: 'w1' as PeerId,
          message: {
            kind: 'taskFinal',
            attempt: attempt as Attempt,
            epoch: story.epoch,
            part: encodePart([...fieldsOf(finishing, 'summed'), ...sampleFields], { ...span, columns }),
            work: { bytesRead: 1, ms: 1 },
          },
        });
      };
      for (let sample = 1; sample < wrong; sample++) answer(1);
      expect(answer(3).join()).to.match(/a\.c ← ERROR 1 /);
      for (let more = wrong; more < 4 && story.given.get('w1')!.length > 0; more++) answer(1);
      expect(story.core.census()).to.include({ jobs: 0, chunks: 0 });
    });
  }
});
