/** How answers leave the command, without a terminal or a broker. */
import { expect } from 'chai';
import { JsonPresenter, NdjsonPresenter, TablePresenter } from '../../bin/cli/present-data.js';
import { PicturePresenter } from '../../bin/cli/present-picture.js';
import { stoppedLine } from '../../bin/cli/presenter.js';
import { liveLine, Progress } from '../../bin/cli/progress.js';
import { Screen } from '../../bin/cli/screen.js';
import type { Sink } from '../../bin/cli/sink.js';
import type { Report } from '../../client/index.js';
import { diffReport, entReport, histReport } from './reports.js';

class Memory implements Sink {
  text = '';
  async write(chunk: string | Uint8Array): Promise<void> {
    this.text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1');
  }
  async flush(): Promise<void> {}
}

describe('output for programs', () => {
  let sink: Memory;
  let told: string[];
  const tell = (line: string) => void told.push(line);
  beforeEach(() => {
    sink = new Memory();
    told = [];
  });

  it('a table of several files has one header', async () => {
    const presenter = new TablePresenter(sink, { many: true, runs: true }, tell, true);
    for (const name of ['a', 'b']) {
      presenter.begin([name]);
      await presenter.report(diffReport());
      await presenter.final(diffReport());
    }
    expect(sink.text.split('\n').map((line) => line.split('\t')[0])).to.deep.equal(['file', 'a', 'a', 'b', 'b', '']);
  });

  it('JSON is one object a file', async () => {
    const presenter = new JsonPresenter(sink, tell, true);
    await presenter.report(histReport({ completion: 0.5 }));
    await presenter.final(histReport());
    await presenter.final(entReport());
    expect(sink.text).to.equal('{"service":"HIST","completion":1}\n{"service":"ENT","completion":1}\n');
  });

  it('NDJSON is every report, and whatever ends a file otherwise', async () => {
    const presenter = new NdjsonPresenter(sink, tell, true);
    presenter.begin(['a.bin']);
    await presenter.report(histReport({ completion: 0.5 }));
    await presenter.failed({ code: 'E_CHANGED', message: 'a.bin grew', jobId: '26:x1', service: 'HIST' });
    await presenter.stopped(null);
    const lines = sink.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines[0]).to.deep.equal({ service: 'HIST', completion: 0.5 });
    expect(lines[1]).to.deep.equal({
      type: 'error',
      code: 'E_CHANGED',
      message: 'a.bin grew',
      jobId: '26:x1',
      service: 'HIST',
      inputs: ['a.bin'],
    });
    expect(lines[2]).to.include({ type: 'error', code: 'E_CANCELLED' });
    expect(told).to.deep.equal(['binglide: stopped at 0%']);
  });

  it('a failure is a line on stderr', async () => {
    const presenter = new TablePresenter(sink, { many: false, runs: false }, tell, true);
    await presenter.failed({ code: 'E_ACCESS', message: 'a: no permission; be root' });
    expect(told).to.deep.equal(['binglide: a: no permission; be root (E_ACCESS)']);
    expect(sink.text).to.equal('');
  });

  it('a stop says what is kept', () => {
    expect(stoppedLine({ completion: 0.639 }, true)).to.equal(
      'binglide: stopped at 63%, kept; the same command goes on from there',
    );
    expect(stoppedLine({ completion: 0.639 }, false)).to.equal(
      'binglide: stopped at 63%; nothing is kept under --no-cache',
    );
  });
});

describe('output for people', () => {
  let sink: Memory;
  let told: string[];
  let presenter: PicturePresenter;
  beforeEach(() => {
    sink = new Memory();
    told = [];
    presenter = new PicturePresenter({
      sink,
      screen: new Screen(sink, null),
      style: () => ({ columns: 80, unicode: true, color: false }),
      caption: () => ({}),
      runs: false,
      tell: (line) => void told.push(line),
      keeps: true,
    });
  });
  /** With ESC written out. */
  const shown = () => sink.text.replaceAll('\u001b', 'ESC');
  const drawings = () => shown().split(/(?=ESC\[\d+A)/);
  const half = (): Report => histReport({ exact: false, completion: 0.5 });

  it('stands from the first report and is drawn over by the final one', async () => {
    presenter.begin(['fw.bin']);
    await presenter.report(half());
    expect(sink.text).to.match(/^fw\.bin .* HIST {2}50%/);
    await presenter.final(histReport());
    const [first, last] = drawings();
    const lines = first!.split('\n').length - 1;
    expect(last).to.match(new RegExp(`^ESC\\[${lines}Afw\\.bin .* HIST {2}exact`));
  });

  it('is drawn at most four times a second, the final picture always', async () => {
    presenter.begin(['fw.bin']);
    for (let i = 0; i < 50; i++) await presenter.report(half());
    await presenter.final(histReport());
    expect(drawings()).to.have.length(2);
  });

  it('has an empty line between two files', async () => {
    for (const name of ['a', 'b']) {
      presenter.begin([name]);
      await presenter.final(histReport());
    }
    expect(drawings()).to.have.length(1);
    expect(shown()).to.match(/cacheESC\[K\n\nb {3}/);
  });

  it('leaves the last picture when it is stopped', async () => {
    presenter.begin(['fw.bin']);
    await presenter.report(half());
    await presenter.stopped(histReport({ exact: false, completion: 0.639 }));
    expect(drawings().at(-1)).to.match(/HIST {2}63%/);
    expect(told).to.deep.equal(['binglide: stopped at 63%, kept; the same command goes on from there']);
  });
});

describe('progress', () => {
  const gib = 2 ** 30;
  const at = (completion: number) =>
    entReport({ completion, exact: false, range: [0, 932 * gib], inputs: [{ path: 'x', size: 932 * gib }] });

  it('tells completion, rate, time left and the answer so far', () => {
    const progress = new Progress();
    expect(progress.text(0)).to.equal('');
    progress.note(at(0.5), 1000);
    expect(progress.text(1000)).to.equal('50%  466 of 932 GiB  h 6.25');
    progress.note(at(0.5 + 10 / 932), 11_000);
    expect(progress.text(11_000)).to.equal('51%  476 of 932 GiB  1.0 GiB/s  7:36 left  h 6.25');
  });

  it('takes the rate over the last seconds', () => {
    const progress = new Progress();
    for (let second = 0; second <= 20; second++) progress.note(at((second * 10) / 932), second * 1000);
    for (let second = 21; second <= 40; second++) progress.note(at((200 + second - 20) / 932), second * 1000);
    expect(progress.rate(40_000)! / gib).to.be.closeTo(1, 0.01);
  });

  it('fits on its line', () => {
    const style = { columns: 80, unicode: true, color: false };
    expect(liveLine('63%  586 of 932 GiB  612 MiB/s  9:39 left  h 6.41', style, true)).to.equal(
      ' 63%  586 of 932 GiB  612 MiB/s  9:39 left  h 6.41       ^C keeps the work',
    );
    expect(liveLine('63%  586 of 932 GiB  612 MiB/s  9:39 left', { ...style, columns: 30 }, true)).to.have.length(29);
    expect(liveLine('63%', style, false)).to.match(/\^C stops it$/);
  });
});
