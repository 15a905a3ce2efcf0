/** From the flags of an analysis to its running job: who presents, who answers, what is asked. */
import type { Report } from '../../client/index.js';
import type { Params } from '../../protocol/descriptor.js';
import type { Path } from './files.js';
import type { AnswerFlags } from './options.js';
import type { Presenter } from './presenter.js';
import { type Inputs, runJob } from './run.js';
import { Session } from './session.js';
import { StreamSink } from './sink.js';
import type { Stop } from './stop.js';

export interface Question {
  readonly service: string;
  /** Of the service; absent: the newest. */
  readonly version?: number | string;
  readonly params: Params;
  /** Parameters that follow from the inputs themselves; they join the others. */
  readonly paramsOf?: (paths: readonly Path[]) => Promise<Params>;
  /** ENT: the tool whose blocks these are. */
  readonly preset?: string;
  readonly inputs: AsyncIterable<Inputs>;
  /** Several files: each line says of which it is. */
  readonly many: boolean;
  /** DIFF: its list of stretches. */
  readonly runs?: boolean;
  /** BYTES: the bytes themselves leave. */
  readonly raw?: boolean;
  readonly codeOf?: (report: Report) => number;
}

export const tell = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** The exit code. `opening` is a session that was needed before. */
export async function answer(
  question: Question,
  flags: AnswerFlags,
  stop: Stop,
  opening: Promise<Session> = Session.open({ ...flags, services: [question.service], tell }),
): Promise<number> {
  // Until runJob awaits it.
  opening.catch(() => undefined);
  const isPicture = Boolean(process.stdout.isTTY) && !flags.json && !flags.ndjson;
  const sink = new StreamSink(process.stdout, stop);
  let session: Session | undefined;
  opening.then(
    (opened) => {
      session = opened;
    },
    () => undefined,
  );
  const presenter = await presenterFor(question, flags, sink, isPicture, () => session?.cores);
  const { range, cells, snap, cache } = flags;
  try {
    const code = await runJob(
      {
        session: opening,
        stop,
        presenter,
        tell,
        request: {
          service: question.service,
          params: question.params,
          ...(question.version !== undefined && { version: question.version }),
          cache,
          ...(range !== undefined && { range }),
          ...(cells !== undefined && { cells }),
          ...(snap && { snap }),
        },
        ...(question.paramsOf && { paramsOf: question.paramsOf }),
        asked: {
          ...(range !== undefined && { rangeText: range }),
          ...(question.preset !== undefined && { preset: question.preset }),
        },
        ahead: !isPicture,
        progressLines: Boolean(flags.progress) && !(isPicture && process.stderr.isTTY),
        ...(question.codeOf && { codeOf: question.codeOf }),
      },
      question.inputs,
    );
    await sink.flush();
    return code;
  } finally {
    await closeInTime(await opening.catch(() => undefined));
  }
}

const closeMs = 3000;

/** What is being written to the cache is finished; a disk that hangs does not hold the shell. */
async function closeInTime(session: Session | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, closeMs);
  });
  await Promise.race([session?.close(), late]);
  clearTimeout(timer);
}

async function presenterFor(
  { params, many, runs = false, raw = false }: Question,
  { json, ndjson, cache }: AnswerFlags,
  sink: StreamSink,
  isPicture: boolean,
  cores: () => number | undefined,
): Promise<Presenter> {
  const { screenOf, styleOf } = await import('./screen.js');
  if (!isPicture || raw) {
    const data = await import('./present-data.js');
    const columns = process.stdout.isTTY ? styleOf(process.stdout).columns : null;
    if (json) return new data.JsonPresenter(sink, tell, cache);
    if (ndjson) return new data.NdjsonPresenter(sink, tell, cache);
    if (raw) return new data.BytesPresenter(sink, columns, tell, cache);
    return new data.TablePresenter(sink, { many, runs }, tell, cache);
  }
  const { PicturePresenter } = await import('./present-picture.js');
  return new PicturePresenter({
    sink,
    screen: screenOf(sink, process.stderr),
    style: () => styleOf(process.stdout),
    caption: () => {
      const known = cores();
      return { params, ...(known !== undefined && { cores: known }) };
    },
    runs,
    tell,
    keeps: cache,
  });
}
