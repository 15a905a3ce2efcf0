/** The commands about a running broker: up, services, jobs, cancel. */
import type { Command } from 'commander';
import type { JobEntry } from '../../client/index.js';
import { fail } from '../../protocol/errors.js';
import { daemonEndpoint, runtimeFolder } from '../runtime-folder.js';
import { tell } from './answer.js';
import { printable } from './canvas.js';
import { exitCodes } from './failure.js';
import { listText } from './listing.js';
import { addPlaceOptions, examples, type Finish, type PlaceFlags } from './options.js';
import { styleOf } from './screen.js';
import { flagOf } from './service-flags.js';
import { coresOf, findDaemon, Session } from './session.js';
import type { Stop } from './stop.js';
import { completionPercent, duration, hexRange } from './units.js';

type JsonFlag = { readonly json?: true };

export function addDaemonCommands(program: Command, stop: Stop, finish: Finish): void {
  addUp(program, stop, finish);
  addServices(program, finish);
  addJobs(program, finish);
  addCancel(program, finish);
}

function addUp(program: Command, stop: Stop, finish: Finish): void {
  const command = program
    .command('up')
    .argument('[ROOT...]')
    .summary('a broker that stays, for all commands of this user');
  command
    .description('A broker and its slots in the foreground. It serves files under the ROOTs (the working directory).')
    .addHelpText('after', examples('up /images', 'up --cores 4 --cache-dir /scratch/binglide /images /dumps'));
  addPlaceOptions(command).action(async (roots: string[], flags: PlaceFlags) => {
    finish(await up(roots, flags, stop));
  });
}

async function up(roots: readonly string[], { broker, cacheDir, cores }: PlaceFlags, stop: Stop): Promise<number> {
  if (broker?.startsWith('ipc://')) throw fail('E_USAGE', 'up takes no ipc endpoint; set BINGLIDE_RUNTIME_DIR instead');
  const running = broker === undefined ? await findDaemon() : null;
  if (running !== null) {
    throw fail('E_BUSY', `a broker already answers at ${running}; use it, or end it before another is started`);
  }
  const { startNode } = await import('../node.js');
  const node = await startNode({
    slots: coresOf({ ...(cores !== undefined && { cores }) }),
    roots: roots.length > 0 ? roots : [process.cwd()],
    ...(cacheDir !== undefined && { cacheDir }),
    ...(broker === undefined ? { directory: runtimeFolder() } : { endpoint: broker }),
  });
  process.stdout.write(`${node.endpoint}\n`);
  if (!stop.signal.aborted) {
    await new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve(), { once: true }));
  }
  await node.close();
  return stop.code ?? exitCodes.ran;
}

function addServices(program: Command, finish: Finish): void {
  const command = program.command('services').summary('what can be asked').option('--json', 'as one JSON object');
  command
    .description('The services of the running broker, or of the one that a command would start.')
    .addHelpText('after', examples('services', 'services --json'));
  addPlaceOptions(command).action(async (flags: PlaceFlags & JsonFlag) => {
    const session = await Session.open({ ...flags, tell });
    try {
      const list = await session.client.services();
      const rows = list.services.map(({ descriptor: it, workers }) => [
        it.name,
        String(it.version),
        String(it.inputs),
        String(workers),
        it.params.map((param) => `${flagOf(param.name)} ${param.default}`).join(' ') || '-',
        it.help,
      ]);
      write(flags, list, ['service', 'version', 'inputs', 'workers', 'options', 'help'], rows);
    } finally {
      await session.close();
    }
    finish(exitCodes.ran);
  });
}

function addJobs(program: Command, finish: Finish): void {
  const command = program.command('jobs').summary('what is being answered').option('--json', 'as one JSON array');
  command
    .description('The jobs under way in the running broker, everybody’s.')
    .addHelpText('after', examples('jobs', 'jobs --json'));
  addPlaceOptions(command).action(async (flags: PlaceFlags & JsonFlag) => {
    const jobs = await withDaemon(flags, (session) => session.client.jobs());
    const isTTY = process.stdout.isTTY;
    const rows = jobs.map((job) => [
      job.jobId,
      job.service,
      isTTY ? completionPercent(job.completion) : JSON.stringify(job.completion),
      job.state,
      isTTY ? duration(job.ageMs) : String(job.ageMs),
      job.range === null ? '-' : isTTY ? hexRange(...job.range) : job.range.join(':'),
      job.paths.map((path) => printable(path, { unicode: true })).join(' ') || '-',
    ]);
    write(flags, jobs, ['job', 'service', 'completion', 'state', isTTY ? 'age' : 'ageMs', 'range', 'files'], rows);
    finish(exitCodes.ran);
  });
}

function addCancel(program: Command, finish: Finish): void {
  const command = program.command('cancel').argument('<JOBID>').summary('end a job, whoever asked for it');
  command
    .description('Ends a job of the running broker. The beginning of its id is enough where no other begins so.')
    .addHelpText('after', examples('jobs', 'cancel 26:k3v'));
  addPlaceOptions(command).action(async (prefix: string, flags: PlaceFlags) => {
    const jobId = await withDaemon(flags, async (session) => {
      const jobId = jobWithPrefix(prefix, await session.client.jobs());
      const outcome = await session.client.cancel(jobId);
      if (outcome === 'cancelled') return jobId;
      throw fail('E_NO_JOB', `${jobId} has ended already; \`binglide jobs\` lists what is running`);
    });
    process.stdout.write(`${jobId}\n`);
    finish(exitCodes.ran);
  });
}

/** The one job that begins so, with or without the length in front of the client's name; throws E_NO_JOB. */
export function jobWithPrefix(prefix: string, jobs: readonly Pick<JobEntry, 'jobId'>[]): string {
  const ids = jobs.map(({ jobId }) => jobId);
  if (ids.includes(prefix)) return prefix;
  const found = ids.filter((id) => id.startsWith(prefix) || id.replace(/^\d+:/, '').startsWith(prefix));
  if (found.length === 1 && prefix !== '') return found[0]!;
  if (found.length === 0) throw fail('E_NO_JOB', `no job ${prefix} is running; \`binglide jobs\` lists them`);
  throw fail('E_NO_JOB', `${found.length} jobs begin with ${JSON.stringify(prefix)}; say which: ${found.join(' ')}`);
}

/** Jobs of an embedded broker end with its command, so there is nothing to ask where no daemon runs. */
async function withDaemon<T>(flags: PlaceFlags, ask: (session: Session) => Promise<T>): Promise<T> {
  const session = await Session.openDaemon({ ...flags, tell });
  if (!session) throw fail('E_NO_BROKER', `no broker at ${daemonEndpoint()}; start one with \`binglide up\``);
  try {
    return await ask(session);
  } finally {
    await session.close();
  }
}

function write({ json }: JsonFlag, value: unknown, header: readonly string[], rows: readonly string[][]): void {
  const columns = process.stdout.isTTY ? styleOf(process.stdout).columns : null;
  process.stdout.write(json ? `${JSON.stringify(value)}\n` : listText(header, rows, columns));
}
