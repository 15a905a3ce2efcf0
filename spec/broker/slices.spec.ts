import { expect } from 'chai';
import { hist, KiB, MiB, measuredInput, Story, zeros } from './story.js';

describe('broker/core: slices', () => {
  it('are cut by chunks where these are kept, and by time where they are not', () => {
    const first = (cache: boolean) => {
      const story = Story.open({ sliceMs: 50 });
      story.asks('a1', 'HIST', { cache });
      story.measured('a1', 512 * MiB);
      return story.given.get('w1')![0]!.task.runs;
    };
    expect(first(true)).to.deep.equal([[0, 4 * MiB]]);
    expect(first(false)).to.deep.equal([[0, 16 * MiB]]);
  });

  it('are longer at first of a service that the daemon starts itself, which is sampled as soon as others', () => {
    const first = (startable: boolean, bytes: number, sampleAboveMs?: number) => {
      const options = { sliceMs: 10, ...(sampleAboveMs !== undefined && { sampleAboveMs }) };
      const story = new Story(options, { startable: startable ? [hist] : [] });
      story.ready('w1', hist);
      story.hello('a');
      story.asks('a1', 'HIST', { cache: false });
      story.measured('a1', bytes);
      return story.given.get('w1')![0]!.task;
    };
    const lengthOf = ({ runs }: { runs: readonly (readonly [number, number])[] }) => runs[0]![1] - runs[0]![0];
    expect(lengthOf(first(true, 2 ** 30))).to.equal(4 * lengthOf(first(false, 2 ** 30)));
    for (const startable of [true, false]) expect(first(startable, 32 * MiB, 60).kind).to.equal('sample');
  });

  /** What the first task of so many MiB is, after jobs of 8 MiB that took a quarter of a millisecond a task. */
  const kindAfter = (mib: number, ...jobs: readonly ('data' | 'holes')[]) => {
    const story = new Story({ sampleAboveMs: 60 }, { startable: [hist] });
    story.ready('w1', hist);
    story.hello('a');
    jobs.forEach((of, i) => {
      story.asks(`a${i + 1}`, 'HIST', { cache: false });
      story.measured(`a${i + 1}`, [measuredInput(8 * MiB, { path: `/${i}`, hash: `${i}0` })]);
      while (story.given.get('w1')!.length > 0) story.completes('w1', 0.25, undefined, { isHole: of === 'holes' });
    });
    story.asks('a9', 'HIST', { cache: false });
    story.measured('a9', [measuredInput(mib * MiB, { path: '/b', hash: 'b0' })]);
    return story.given.get('w1')![0]!.task.kind;
  };

  it('and is not where it was seen to be fast', () => {
    expect(kindAfter(200, 'data', 'data')).to.equal('exact');
  });

  it('and is where only holes went by fast, but for a quarter of it: the next file may have none', () => {
    expect(kindAfter(200, 'holes', 'holes')).to.equal('sample');
    expect(kindAfter(48, 'holes', 'holes')).to.equal('exact');
    expect(kindAfter(200, 'data', 'data', 'holes', 'holes', 'holes'), 'what data told stays').to.equal('exact');
  });

  it('are twice as long for a job that is alone', () => {
    const story = Story.open({ sliceMs: 10 }, ['w1'], ['a', 'b']);
    story.asks('a1', 'HIST', { cache: false });
    story.measured('a1', 2 ** 30);
    const lengths = () => story.given.get('w1')!.map(({ task }) => task.runs[0]![1] - task.runs[0]![0]);
    const [alone] = lengths();
    story.asks('b1', 'HIST', { cache: false });
    story.measured('b1', [measuredInput(2 ** 30, { path: '/b', hash: 'b0' })]);
    story.completes('w1', alone! / (200 * KiB));
    expect(lengths()).to.deep.equal([alone! / 2]);
  });

  it('are held ahead for 20 ms of a job that is alone, for 10 ms beside others', () => {
    const story = new Story({ sliceMs: 10 });
    story.ready('w1', hist, { credit: 16 });
    for (const letter of ['a', 'b']) story.hello(letter);
    // Chunks of 1 MiB, which take 4 ms each.
    story.asks('a1');
    story.measured('a1', 128 * MiB);
    expect(story.given.get('w1')).to.have.length(5);
    story.asks('b1');
    story.measured('b1', [measuredInput(128 * MiB, { path: '/b', hash: 'b0' })]);
    while (story.given.get('w1')!.some(({ job }) => job === 'a1')) story.completes('w1', 4);
    expect(story.given.get('w1')).to.have.length(3);
  });

  it('stay short for a while after others went, who may be back in a moment', () => {
    const story = Story.open({ sliceMs: 10 }, ['w1'], ['a', 'b']);
    story.asks('a1', 'HIST', { cache: false });
    story.measured('a1', 2 ** 30);
    story.asks('b1', 'HIST', { cache: false });
    story.cancels('b', 'b1');
    const lengths: number[] = [];
    for (let task = 0; task < 110; task++) {
      const { runs } = story.given.get('w1')![0]!.task;
      lengths.push(runs[0]![1] - runs[0]![0]);
      story.completes('w1', lengths.at(-1)! / (256 * KiB));
    }
    const [alone] = lengths;
    expect(Math.max(...lengths.slice(1, 95))).to.be.within(alone! / 2, 0.6 * alone!);
    expect(lengths.at(-1)).to.be.greaterThan(0.8 * alone!);
  });

  it('are issued in sequence within a chunk, lost ones first, and folded whatever comes first', () => {
    const story = new Story({ sliceMs: 0.25 });
    story.ready('w1', hist, { credit: 8 });
    story.hello('a');
    story.asks('a1');
    expect(story.measured('a1', 512 * KiB)).to.deep.equal([
      'w1 ← task 1 of a1: 0:131072',
      'w1 ← task 2 of a1: 131072:262144',
      'w1 ← task 3 of a1: 262144:393216',
      'w1 ← task 4 of a1: 393216:524288',
      'pause hashing',
    ]);
    for (const attempt of [3, 1, 4]) {
      const at = (attempt - 1) * 128 * KiB;
      const lines = story.answers('w1', attempt, zeros(at, at + 128 * KiB));
      expect(lines).to.deep.equal(attempt === 3 ? ['a.c ← report of a1'] : []);
    }
    expect(story.builds('a1')!.scalars.n, 'slices show before their piece is complete').to.equal(384 * KiB);
    expect(story.fails('w1', 2, { code: 'E_CANCELLED', message: '' })).to.deep.equal([
      'w1 ← task 5 of a1: 131072:262144',
    ]);
    expect(story.answers('w1', 5, zeros(131_072, 262_144))).to.deep.equal([
      'write 0_524288',
      'a.c ← FINAL 1 HIST n=524288',
      'resume hashing',
    ]);
  });
});
