import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { packageRoot } from '../root.js';
import { TinyBroker } from './tiny-broker.js';

const program = join(packageRoot, 'dist', 'bin', 'binglide-conform.js');

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      said[name] += chunk;
    });
  }
  const [code] = await once(child, 'close');
  return { code, ...said };
}

describe('binglide-conform on the command line', () => {
  let folder: string;
  let endpoint: string;
  let broker: TinyBroker | undefined;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'binglide-conform-spec-'));
  });
  afterEach(() => broker?.close());
  after(() => rm(folder, { recursive: true }));

  /** A broker whose service name in answers is right or wrong. */
  async function judge(fault: 'none' | 'names another service', ...args: string[]) {
    endpoint = `ipc://${join(folder, fault.slice(0, 4))}${args.length}`;
    broker = await TinyBroker.bind(endpoint, fault, 200, 1000);
    return run(endpoint, '--dialect', 'mdp', '--heartbeat-ms', '200', '--only', 'RFC18-B-04,RFC18-B-06', ...args);
  }

  it('ends with 0 where every MUST and SHOULD passes, and shows each with what was seen', async () => {
    const { code, stdout } = await judge('none');
    expect(stdout.split('\n').map((line) => line.trimEnd())).to.deep.equal([
      'rule        level   verdict      what was seen',
      'RFC18-B-04  MUST    pass         both name it',
      'RFC18-B-06  MUST    pass         one empty frame at both ends',
      '',
      'broker  MUST    2 pass',
      '',
    ]);
    expect(code).to.equal(0);
  });

  it('ends with 1 where one fails, and says which rule that is; as JSON too', async () => {
    const { code, stdout } = await judge('names another service', '--json');
    expect(code).to.equal(1);
    const { conforms, rules, totals } = JSON.parse(stdout);
    expect(conforms).to.equal(false);
    expect(rules.map(({ id, outcome }: { id: string; outcome: string }) => [id, outcome])).to.deep.equal([
      ['RFC18-B-04', 'fail'],
      ['RFC18-B-06', 'pass'],
    ]);
    expect(rules[0].seen).to.match(/^PARTIAL names another in place of conform\./);
    expect(totals[0].counts).to.include({ pass: 1, fail: 1 });
  });

  it('takes nothing that does not answer for a broker', async () => {
    const only = ['--only', 'RFC18-B-06,B-17', '--timeout-ms', '300', '--heartbeat-ms', '100'];
    const { code, stdout } = await run(`ipc://${join(folder, 'nobody')}`, ...only);
    expect(code).to.equal(1);
    expect(stdout).to.match(/^RFC18-B-06 +MUST +not reached +RFC18-B-01: fail$/m);
    expect(stdout).to.match(/^B-17 +MUST +not spoken +BXMDPv2 is not spoken$/m);
  });

  it('ends with 2 for wrong use, and says what it takes', async () => {
    const nobody = `ipc://${join(folder, 'nobody')}`;
    const uses: readonly [RegExp, ...string[]][] = [
      [/no endpoint given/],
      [/Unknown option '--magic'/, '--magic'],
      [/an endpoint begins with/, 'localhost:5555'],
      [/--timeout-ms soon: it takes milliseconds/, '--timeout-ms', 'soon', nobody],
      [/--dialect v3: it takes mdp, v2 or both/, '--dialect', 'v3', nobody],
      [/--wire none: it takes rfc18, majortomo/, '--wire', 'none', nobody],
      [/no rule has such an id/, '--only', 'NONE', '--dialect', 'mdp', nobody],
      [/no command given/, '--worker'],
      [/--worker or --client, not both/, '--worker', '--client', '--', 'true'],
    ];
    for (const [text, ...args] of uses) {
      const { code, stdout, stderr } = await run(...args);
      expect(code, stderr).to.equal(2);
      expect(stderr).to.match(text);
      expect(stdout).to.equal('');
    }
  });

  it('says what became of a command that is no worker', async () => {
    const args = ['--worker', '--only', 'RFC18-W-01', '--timeout-ms', '500', '--'];
    const { code, stdout } = await run(
      ...args,
      process.execPath,
      '-e',
      'console.error("no such module"); process.exit(3)',
    );
    expect(code).to.equal(1);
    expect(stdout).to.match(/^RFC18-W-01 +MUST +fail +no connection.*it is gone \(exit code 3\): no such module/m);
  });
});
