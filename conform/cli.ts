/** The command line: its options, what it prints, its exit code. */
import { parseArgs } from 'node:util';
import { judgeBroker } from './judge-broker.js';
import { judgePlayed } from './judge-played.js';
import type { Verdict } from './rules.js';
import { conforms, jsonOf, markdownOf, tableOf } from './table.js';
import { wires } from './wires.js';

const options = {
  worker: { type: 'boolean' },
  client: { type: 'boolean' },
  service: { type: 'string' },
  file: { type: 'string' },
  dialect: { type: 'string', default: 'both' },
  only: { type: 'string' },
  'heartbeat-ms': { type: 'string' },
  body: { type: 'string', default: 'conform' },
  'timeout-ms': { type: 'string', default: '5000' },
  'expire-ms': { type: 'string', default: '15000' },
  wire: { type: 'string', default: 'rfc18' },
  json: { type: 'boolean' },
  markdown: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const help = `Usage: binglide-conform [options] ENDPOINT
       binglide-conform --worker [options] -- COMMAND [ARGUMENT…]
       binglide-conform --client [options] -- COMMAND [ARGUMENT…]

judges a Majordomo broker, worker or client by RFC 18 (MDP 0.2), RFC 8 and BXMDPv2, from outside

Options:
  --worker             start COMMAND as a worker; {endpoint} in it is the broker’s, {root} the folder of files
  --client             start COMMAND as a client that asks {service} about {file} and ends
  --service <name>     the service of the worker, or that the client is to ask (default: the first that is READY; HIST)
  --file <path>        a small file that the broker’s services may read (default: one in a temporary folder)
  --dialect <which>    mdp, v2 or both (default: both)
  --only <ids>         these rules only, with commas between
  --heartbeat-ms <n>   interval that plain workers have agreed on (default: 1000); of v2 workers and clients the
                       one that WELCOME tells (default: 200)
  --body <text>        what a plain worker is asked; one that takes some seconds shows more (default: conform)
  --timeout-ms <n>     how long to wait for what has to come (default: 5000)
  --expire-ms <n>      by then the broker gives up requests for services that nobody serves (default: 15000)
  --wire <name>        majortomo for a broker that writes RFC 18 as that one: the forms fail, the rest is judged
  --json               verdicts as one JSON object
  --markdown           verdicts as a table in Markdown
  -h, --help           display help

Exit code: 0 where every MUST and SHOULD passes, 1 where one does not, 2 for wrong use.
`;

class WrongUse extends Error {}

/** The exit code. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = read(args);
    if (values.help) {
      process.stdout.write(help);
      return 0;
    }
    const verdicts = await judged(values, positionals);
    if (verdicts.length === 0) throw new WrongUse(`--only ${values.only}: no rule has such an id`);
    const print = values.json ? jsonOf : values.markdown ? markdownOf : tableOf;
    process.stdout.write(print(verdicts));
    return conforms(verdicts) ? 0 : 1;
  } catch (error) {
    process.stderr.write(`binglide-conform: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof WrongUse ? 2 : 1;
  }
}

function read(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new WrongUse((error as Error).message.split('. ')[0]);
  }
}

type Values = ReturnType<typeof read>['values'];

async function judged(values: Values, positionals: readonly string[]): Promise<Verdict[]> {
  const dialect = values.dialect;
  if (dialect !== 'mdp' && dialect !== 'v2' && dialect !== 'both') {
    throw new WrongUse(`--dialect ${dialect}: it takes mdp, v2 or both`);
  }
  const timeoutMs = count('timeout-ms', values['timeout-ms']);
  const only = values.only === undefined ? {} : { only: values.only.split(',') };
  if (values.worker || values.client) {
    if (values.worker && values.client) throw new WrongUse('--worker or --client, not both');
    if (positionals.length === 0) throw new WrongUse('no command given: put it behind --');
    return judgePlayed({
      side: values.worker ? 'worker' : 'client',
      command: positionals,
      dialect,
      timeoutMs,
      ...(values['heartbeat-ms'] !== undefined && { heartbeatMs: count('heartbeat-ms', values['heartbeat-ms']) }),
      body: values.body,
      ...only,
      ...(values.service !== undefined && { service: values.service }),
    });
  }
  const [endpoint, ...more] = positionals;
  if (endpoint === undefined) throw new WrongUse('no endpoint given; see --help');
  if (more.length > 0) throw new WrongUse(`one endpoint at a time; ${more.join(' ')} is too much`);
  if (!/^(ipc|tcp):\/\/./.test(endpoint)) throw new WrongUse(`${endpoint}: an endpoint begins with ipc:// or tcp://`);
  const wire = wires[values.wire];
  if (!wire) throw new WrongUse(`--wire ${values.wire}: it takes ${Object.keys(wires).join(', ')}`);
  return judgeBroker({
    endpoint,
    wire,
    dialect,
    timeoutMs,
    heartbeatMs: count('heartbeat-ms', values['heartbeat-ms'] ?? '1000'),
    expireMs: count('expire-ms', values['expire-ms']),
    ...only,
    ...(values.file !== undefined && { file: values.file }),
  });
}

function count(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new WrongUse(`--${name} ${text}: it takes milliseconds from 1`);
  return value;
}
