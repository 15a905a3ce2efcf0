/** Answers for programs: a table, one JSON object a file, a JSON line a report, or the bytes themselves. */

import type { Report } from '../../client/index.js';
import type { Fault } from '../../protocol/errors.js';
import { dump } from './dump.js';
import { LinePresenter, type Tell } from './presenter.js';
import { numbersOf } from './report.js';
import type { Sink } from './sink.js';
import { tableOf, tableText } from './table.js';

export class TablePresenter extends LinePresenter {
  #name = '';
  #hasHeader = false;

  constructor(
    private readonly sink: Sink,
    /** `many`: a first column says of which file a line is. `runs`: DIFF's list of stretches. */
    private readonly form: { readonly many: boolean; readonly runs: boolean },
    tell: Tell,
    keeps: boolean,
  ) {
    super(tell, keeps);
  }

  override begin([name = '']: readonly string[]): void {
    this.#name = name;
  }

  async final(report: Report): Promise<void> {
    const file = this.form.many ? { file: this.#name } : {};
    for (const piece of tableText(tableOf(report, this.form), { header: !this.#hasHeader, ...file })) {
      await this.sink.write(piece);
    }
    this.#hasHeader = true;
  }
}

async function writeReport(sink: Sink, report: Report): Promise<void> {
  await report.writeJson((piece) => sink.write(piece));
  await sink.write('\n');
}

export class JsonPresenter extends LinePresenter {
  constructor(
    private readonly sink: Sink,
    tell: Tell,
    keeps: boolean,
  ) {
    super(tell, keeps);
  }

  async final(report: Report): Promise<void> {
    await writeReport(this.sink, report);
  }
}

/** Every report as it arrives; whatever ends a file otherwise is its last line. */
export class NdjsonPresenter extends LinePresenter {
  #names: readonly string[] = [];

  constructor(
    private readonly sink: Sink,
    tell: Tell,
    keeps: boolean,
  ) {
    super(tell, keeps);
  }

  override begin(names: readonly string[]): void {
    this.#names = names;
  }

  override async report(report: Report): Promise<void> {
    await writeReport(this.sink, report);
  }

  async final(report: Report): Promise<void> {
    await writeReport(this.sink, report);
  }

  override async failed({ code, message, ...more }: Fault): Promise<void> {
    const inputs = this.#names.length > 0 ? { inputs: this.#names } : {};
    await this.sink.write(`${JSON.stringify({ type: 'error', code, message, ...more, ...inputs })}\n`);
  }

  override async stopped(latest: Report | null): Promise<void> {
    const job = latest ? { jobId: latest.jobId, service: latest.service } : {};
    await this.failed({ code: 'E_CANCELLED', message: 'the job was cancelled here', ...job });
    await super.stopped(latest);
  }
}

/** The bytes of a BYTES report: as they are, or as a dump of so many columns. */
export class BytesPresenter extends LinePresenter {
  constructor(
    private readonly sink: Sink,
    private readonly dumpColumns: number | null,
    tell: Tell,
    keeps: boolean,
  ) {
    super(tell, keeps);
  }

  async final(report: Report): Promise<void> {
    const bytes = Uint8Array.from(numbersOf(report, 'bytes'));
    if (this.dumpColumns === null) return this.sink.write(bytes);
    for (const line of dump(bytes, report.range[0], this.dumpColumns)) await this.sink.write(`${line}\n`);
  }
}
