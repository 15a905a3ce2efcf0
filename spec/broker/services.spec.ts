import { expect } from 'chai';
import { ServiceBook } from '../../broker/services.js';
import type { Descriptor, PeerId } from '../../protocol/index.js';
import { marks } from './marks.js';

const versionOf = (version: number | string): Descriptor => ({ ...marks, version });
const peer = (name: string) => name as PeerId;

/** Makes the version known and gives it a worker. */
function serve(book: ServiceBook, version: number | string, name = `w${version}`): string {
  const { digest } = book.add(versionOf(version), false, 0);
  book.attach(digest, peer(name));
  return digest;
}

describe('broker/services', () => {
  it('that can be started are there without workers; others only as long as they have one', () => {
    const book = new ServiceBook();
    book.add(versionOf(1), true, 0);
    expect(book.find('MARKS')?.descriptor.version).to.equal(1);
    const digest = serve(book, 2);
    expect(book.find('MARKS')?.descriptor.version).to.equal(2);
    book.detach(digest, peer('w2'), 10);
    expect(book.find('MARKS')?.descriptor.version).to.equal(1);
    expect(book.find('MARKS', 2)).to.equal(undefined);
    expect(book.find('OTHER')).to.equal(undefined);
  });

  it('are the newest where no version is named: the highest number, whatever came last', () => {
    const book = new ServiceBook();
    for (const version of [2, 10, 9]) serve(book, version);
    expect(book.find('MARKS')?.descriptor.version).to.equal(10);
    expect(book.find('MARKS', 9)?.descriptor.version).to.equal(9);
  });

  it('with texts for versions are the one that came last: an edited service is tried beside the old one', () => {
    const book = new ServiceBook();
    for (const version of ['f00', 'abc']) serve(book, version);
    expect(book.find('MARKS')?.descriptor.version).to.equal('abc');
    expect(book.find('MARKS', 'f00')?.descriptor.version).to.equal('f00');
  });

  it('with a text for a version are newer than numbers, in whatever order they came', () => {
    for (const versions of [
      ['x', 1, 2],
      [1, 'x', 2],
      [2, 'x', 1],
      [2, 1, 'x'],
    ]) {
      const book = new ServiceBook();
      for (const version of versions) serve(book, version);
      expect(book.find('MARKS')?.descriptor.version, `${versions}`).to.equal('x');
    }
  });

  it('are the same by digest: a worker that restarts joins the one that is known, with its measured speed', () => {
    const book = new ServiceBook();
    const digest = serve(book, 1, 'w1');
    book.measured(digest, 1000, 1000, 1);
    const { bytesPerMs } = book.get(digest);
    book.detach(digest, peer('w1'), 50);
    expect(book.get(digest).workerlessSince).to.equal(50);
    expect(serve(book, 1, 'w2')).to.equal(digest);
    expect(book.get(digest)).to.include({ bytesPerMs, workerlessSince: Infinity });
    expect(book.all().length).to.equal(1);
  });

  it('lose their workers one by one, and are workerless with the last', () => {
    const book = new ServiceBook();
    const digest = serve(book, 1, 'w1');
    book.attach(digest, peer('w2'));
    book.detach(digest, peer('w1'), 5);
    expect(book.get(digest).workerlessSince).to.equal(Infinity);
    book.detach(digest, peer('w2'), 9);
    expect(book.get(digest).workerlessSince).to.equal(9);
  });

  it('are forgotten when their workers are long gone, unless they can be started or a job holds them', () => {
    const book = new ServiceBook();
    const started = book.add(versionOf(1), true, 0).digest;
    const [held, gone, alive] = [2, 3, 4].map((version) => serve(book, version)) as [string, string, string];
    for (const [digest, name] of [
      [held, 'w2'],
      [gone, 'w3'],
    ] as const) {
      book.detach(digest, peer(name), 100);
    }
    book.forget(99, () => false);
    expect(book.all().length).to.equal(4);
    book.forget(100, (digest) => digest === held);
    expect(book.all().map(({ digest }) => digest)).to.deep.equal([started, held, alive]);
    expect(() => book.get(gone)).to.throw(/is known/);
  });

  it('learn nothing of holes once data told', () => {
    const book = new ServiceBook();
    const digest = serve(book, 1);
    for (let i = 0; i < 60; i++) book.measured(digest, 1_000_000, 1_000_000, 10);
    const told = { ...book.get(digest) };
    book.measured(digest, 1_000_000, 400_000, 0.1);
    expect(book.get(digest)).to.deep.equal(told);
    book.measured(digest, 1_000_000, 500_000, 0.1);
    expect(book.get(digest).bytesPerMs, 'half of it is data').to.be.above(told.bytesPerMs);
  });

  it('learn how fast they are, slowly, and never by dividing by nothing', () => {
    const book = new ServiceBook();
    const digest = serve(book, 1);
    for (let i = 0; i < 60; i++) book.measured(digest, 1_000_000, 1_000_000, 10);
    expect(book.get(digest).bytesPerMs).to.be.closeTo(100_000, 1);
    book.measured(digest, 100_000, 100_000, 0);
    expect(book.get(digest).bytesPerMs).to.be.within(100_000, 1e7);
  });
});
