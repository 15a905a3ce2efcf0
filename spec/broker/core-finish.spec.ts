import { expect } from 'chai';
import { decodeNpy, encodeNpy } from '../../protocol/index.js';
import { runFinish } from '../../workers/finish.js';
import { sets } from '../sim/sets.js';
import { KiB, MiB, Story } from './story.js';

const cancelled = { code: 'E_CANCELLED', message: 'the task was cancelled' } as const;

/** A job of SETS, 64 KiB of zeros in four cells, on one worker that may hold two tasks. */
function asked(credit = 2): Story {
  const story = Story.open({ sampleAboveMs: 1e9 }, [], ['a', 'b']);
  story.ready('w1', sets.descriptor, { credit });
  story.asks('a1', 'SETS', { cells: 4 });
  story.measured('a1', 64 * KiB);
  return story;
}

/** What the worker answers: made by the service itself, or these frames. */
function finishes(story: Story, part = runFinish(sets, story.finishes.get('w1')!.task).part): string[] {
  const { attempt } = story.finishes.get('w1')!;
  return story.says('w1', { kind: 'taskFinal', attempt, epoch: story.epoch, part, work: { bytesRead: 0, ms: 1 } });
}

describe('broker/core: a finish of the service’s own', () => {
  it('is a task on the merged rows, each known cell and the range; FINAL waits for it', () => {
    const story = asked();
    expect(story.completes('w1')).to.deep.equal(['write 0_65536', 'w1 ← task 2 of a1: finish 5 rows of n,ones,most']);
    const { task } = story.finishes.get('w1')!;
    expect(task.frames.map((frame) => [...decodeNpy(frame).data])).to.deep.equal([
      [16_384, 16_384, 16_384, 16_384, 65_536],
      [0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0],
    ]);
    expect(finishes(story)).to.deep.equal(['a.c ← FINAL 1 SETS n=65536', 'resume hashing']);
    const { scalars, arrays, work } = story.reports[0]!;
    expect(scalars).to.deep.equal({ n: 65_536, ones: 0, share: 0 });
    expect([...arrays.bounds!.data]).to.deep.equal([0, 8]);
    expect([...arrays['cells.share']!.data]).to.deep.equal([0, 0, 0, 0]);
    expect(arrays['cells.bounds']!.shape).to.deep.equal([4, 2]);
    // The field that is only there for it is not shown.
    expect(arrays).not.to.have.any.keys('cells.most', 'cells.most.rows');
    expect(work).to.include({ tasks: 1, chunksComputed: 1 });
  });

  it('is of the newest report only: one at a time, and the next when it is there', () => {
    const story = Story.open({ sampleAboveMs: 1e9 }, [], ['a']);
    story.ready('w1', sets.descriptor, { credit: 2 });
    story.asks('a1', 'SETS', { cells: 4, cache: false });
    story.measured('a1', 64 * MiB);
    // The tasks that follow each other are with the worker already; then it is the first.
    const said = [...story.completes('w1'), ...story.completes('w1')];
    expect(said.filter((line) => line.includes('finish'))).to.have.length(1);
    expect(said.filter((line) => line.includes('report'))).to.deep.equal([]);
    const before = story.finishes.get('w1')!.attempt;
    // More is computed meanwhile, which is not asked about yet.
    story.now += 1000;
    expect(story.completes('w1').filter((line) => line.includes('finish'))).to.deep.equal([]);
    expect(finishes(story)).to.include('a.c ← report of a1');
    expect(story.builds('a1')!.scalars).to.have.property('share', 0);
    expect(story.builds('a1')!.scalars.n).to.be.lessThan(2 * 10 * MiB);
    story.now += 1000;
    story.handle({ kind: 'deadlineReached' });
    story.completes('w1');
    expect(story.finishes.get('w1')!.attempt).to.be.greaterThan(before);
  });

  it('of an older report is withdrawn when everything is there', () => {
    const story = Story.open({ sampleAboveMs: 1e9 }, [], ['a']);
    story.ready('w1', sets.descriptor, { credit: 4 });
    story.asks('a1', 'SETS', { cells: 4, cache: false });
    story.measured('a1', 4 * MiB);
    let said: string[] = [];
    while (story.given.get('w1')!.length > 0) said = said.concat(story.completes('w1'));
    const asks = said.filter((line) => line.includes('finish'));
    expect(asks.length).to.be.greaterThan(1);
    expect(said.some((line) => /w1 ← cancel a1/.test(line))).to.equal(true);
    expect(finishes(story)).to.include('a.c ← FINAL 1 SETS n=4194304');
  });

  it('is not asked for where there is nothing to finish', () => {
    const story = Story.open({}, [], ['a']);
    story.ready('w1', sets.descriptor);
    story.asks('a1', 'SETS');
    expect(story.measured('a1', 0)).to.deep.equal(['a.c ← FINAL 1 SETS n=0']);
  });

  it('that fails ends the job with its error, and one whose rows do not fit with E_SERVICE', () => {
    const failing = asked();
    failing.completes('w1');
    const { attempt } = failing.finishes.get('w1')!;
    const fault = { code: 'E_SERVICE', message: 'SETS failed in finish: no luck, sets.ts:3' } as const;
    expect(failing.fails('w1', attempt, fault)).to.include(
      'a.c ← ERROR 1 E_SERVICE of a1: SETS failed in finish: no luck, sets.ts:3 [0,65536]',
    );
    const odd = asked();
    odd.completes('w1');
    const frame = encodeNpy({ dtype: 'f8', shape: [4], data: new Float64Array(4) });
    const wanted = 'SETS: finish returns 4 numbers of share; wanted a row for each of 5 rows';
    expect(finishes(odd, { arrays: ['share'], frames: [frame] })).to.include(
      `a.c ← ERROR 1 E_SERVICE of a1: ${wanted}`,
    );
    expect(finishes(finishing(), taken('ones'))).to.include(
      'a.c ← ERROR 1 E_SERVICE of a1: SETS: finish returns ones, which a report has already; choose another name',
    );
  });

  it('has scalars that are numbers or nothing: a report with another would be none', () => {
    const story = finishing();
    const infinite = Float64Array.of(NaN, Infinity, 2, 3, -Infinity);
    const frame = encodeNpy({ dtype: 'f8', shape: [5], data: infinite });
    expect(finishes(story, { arrays: ['odd'], frames: [frame] })).to.include('a.c ← FINAL 1 SETS n=65536');
    expect(story.reports[0]!.scalars).to.have.property('odd', null);
    expect([...story.reports[0]!.arrays['cells.odd']!.data]).to.deep.equal([NaN, Infinity, 2, 3]);
  });

  it('dies with its worker and is given to the next one', () => {
    const story = asked();
    story.completes('w1');
    story.handle({ kind: 'peerGone', peer: 'w1' as never });
    expect(story.ready('w1', sets.descriptor)).to.include('w1 ← task 3 of a1: finish 5 rows of n,ones,most');
    expect(finishes(story)).to.include('a.c ← FINAL 1 SETS n=65536');
  });

  it('is whole when it is given again, wherever the range begins', () => {
    const story = Story.open({ sampleAboveMs: 1e9 }, [], ['a']);
    story.ready('w1', sets.descriptor);
    story.asks('a1', 'SETS', { cells: 4, cache: false, range: { start: 4096, end: 64 * KiB } });
    story.measured('a1', 64 * KiB);
    story.completes('w1');
    story.handle({ kind: 'peerGone', peer: 'w1' as never });
    const again = story.ready('w1', sets.descriptor, { credit: 4 });
    expect(again.filter((line) => line.includes('finish'))).to.have.length(1);
    expect(finishes(story)).to.include('a.c ← FINAL 1 SETS n=61440');
  });

  it('is withdrawn with its job', () => {
    const story = asked();
    story.completes('w1');
    const { attempt } = story.finishes.get('w1')!;
    expect(story.says('a.c', { kind: 'clientCancel', requestId: 1 as never })).to.deep.equal([
      'publish cancel a1',
      `w1 ← cancel a1: ${attempt}`,
      'a.c ← ERROR 1 E_CANCELLED of a1: the job was cancelled',
      'resume hashing',
    ]);
    expect(story.fails('w1', attempt, cancelled)).to.deep.equal([]);
  });
});

function finishing(): Story {
  const story = asked();
  story.completes('w1');
  return story;
}

function taken(name: string) {
  return { arrays: [name], frames: [encodeNpy({ dtype: 'f8', shape: [5], data: new Float64Array(5) })] };
}
