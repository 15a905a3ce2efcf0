/**
 * One service over any number of files: requests go out in order, answers are shown in order. Small files are asked
 * about several at a time, since most of their time is waiting; a large one has the machine to itself.
 */
import type { Report, RequestOptions } from '../../client/index.js';
import type { Params } from '../../protocol/descriptor.js';
import { Answering } from './answering.js';
import { type Asked, exitCodeOf, exitCodes, faultOf, traceOf } from './failure.js';
import { absoluteName, type Found, fileBytes, nameOf, type Path, pathToSend } from './files.js';
import { type Presenter, ProgressLines, type Tell } from './presenter.js';
import { Progress } from './progress.js';
import type { Session } from './session.js';
import type { Stop } from './stop.js';
import { withSuggestion } from './suggest.js';

const smallBytes = 16 * 2 ** 20;
const smallAtOnce = 8;

export interface Job {
  readonly session: Promise<Session>;
  readonly stop: Stop;
  readonly presenter: Presenter;
  readonly tell: Tell;
  /** Everything but the inputs. */
  readonly request: Omit<RequestOptions, 'inputs' | 'signal'>;
  /** Parameters that follow from the inputs themselves; they join those of the request. */
  readonly paramsOf?: (paths: readonly Path[]) => Promise<Params>;
  /** What was asked beside the inputs, as errors are to name it. */
  readonly asked: Omit<Asked, 'paths'>;
  /** Several requests may be under way; false where each is watched. */
  readonly ahead: boolean;
  /** `--progress`: lines on stderr from time to time. */
  readonly progressLines: boolean;
  /** The exit code that an exact answer asks for. */
  readonly codeOf?: (report: Report) => number;
}

/** The inputs of one request, or why there is none. */
export type Inputs = readonly Found[];

interface Turn {
  readonly inputs: Inputs;
  readonly answering: Answering;
}

/** The exit code of the command. */
export async function runJob(job: Job, all: AsyncIterable<Inputs>): Promise<number> {
  const waiting: Turn[] = [];
  let code: number = exitCodes.ran;
  const show = async () => {
    code = worse(code, await showTurn(job, waiting.shift()!));
  };
  try {
    // Without a broker one line says so, whatever the number of files.
    await job.session;
    for await (const inputs of all) {
      const small = job.ahead && (await isSmall(inputs));
      while (waiting.length >= (small ? smallAtOnce : 1)) await show();
      if (job.stop.signal.aborted) break;
      waiting.push(startTurn(job, inputs));
      if (!small) await show();
    }
  } catch (error) {
    // No broker, or a list of files that came to an end that is none.
    await job.presenter.failed(faultOf(error));
    code = worse(code, exitCodeOf(error));
  }
  // After a stop one turn is enough to say so.
  while (waiting.length > 0 && !(job.stop.signal.aborted && job.stop.isSilent)) {
    await show();
    if (job.stop.signal.aborted) break;
  }
  return job.stop.code ?? code;
}

/** Failures count before differences, and a wrong use before both. */
function worse(a: number, b: number): number {
  const rank = [exitCodes.ran, exitCodes.different, exitCodes.failed, exitCodes.usage] as number[];
  return rank.indexOf(b) > rank.indexOf(a) ? b : a;
}

async function isSmall(inputs: Inputs): Promise<boolean> {
  for (const { path } of inputs) {
    // One that cannot be read is answered at once.
    const bytes = await fileBytes(path).catch(() => 0);
    if (bytes > smallBytes) return false;
  }
  return true;
}

function startTurn(job: Job, inputs: Inputs): Turn {
  return { inputs, answering: new Answering(job.session, optionsFor(job, inputs), job.stop.signal) };
}

async function optionsFor({ request, paramsOf }: Job, inputs: Inputs): Promise<RequestOptions> {
  const paths = await Promise.all(inputs.map(inputOf));
  return { ...request, params: { ...request.params, ...(await paramsOf?.(paths)) }, inputs: paths };
}

async function inputOf(found: Found): Promise<Path> {
  if (found.kind === 'failed') throw found.error;
  return pathToSend(found.path);
}

async function showTurn(job: Job, { inputs, answering }: Turn): Promise<number> {
  const { presenter, tell } = job;
  const names = inputs.map(({ path }) => nameOf(path));
  const progress = new Progress();
  const lines = job.progressLines ? new ProgressLines(progress, names.join(' '), tell) : null;
  presenter.begin(names);
  answering.listen(async (report) => {
    progress.note(report, performance.now());
    await presenter.report(report);
  });
  try {
    const outcome = await answering.outcome;
    switch (outcome.kind) {
      case 'final':
        await presenter.final(outcome.report);
        return job.codeOf?.(outcome.report) ?? exitCodes.ran;
      case 'stopped':
        if (!job.stop.isSilent) await presenter.stopped(answering.latest);
        return exitCodes.failed;
      case 'failed':
        return await tellFailure(job, inputs, outcome.error);
      default:
        return outcome satisfies never;
    }
  } finally {
    lines?.end();
  }
}

async function tellFailure({ presenter, tell, asked }: Job, inputs: Inputs, cause: unknown): Promise<number> {
  const typed = inputs.flatMap(({ path }) => (typeof path === 'string' ? [path] : []));
  const error = await withSuggestion(cause, typed);
  const paths = inputs.map(({ path }) => ({ typed: nameOf(path), absolute: absoluteName(path) }));
  await presenter.failed(faultOf(error, { ...asked, paths }));
  const trace = traceOf(cause);
  if (trace) tell(trace);
  return exitCodeOf(error);
}
