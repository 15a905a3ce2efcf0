/**
 * Golden scripts: a block is commands, `----`, and what the broker asks of its shell because of them, a line each. A
 * reader learns the races from these files; `UPDATE=1 npx mocha …scenarios.spec.js` rewrites them, and the diff is
 * reviewed.
 *
 * Commands: options NAME=NUMBER… · restart EPOCH · hello a [PEER] · ready PEER [SERVICE] [slot=S] [credit=N] · ask a1
 * SERVICE · measured a1 BYTES · chunk a1 START_END lost · completes PEER · answers PEER ATTEMPT START:END [EPOCH] · fails
 * PEER ATTEMPT CODE · goes PEER · beats PEER [ATTEMPT BYTES] · cancels a a1 · passes MS · plainready PEER SERVICE · plain
 * PEER SERVICE BODY · plainfinal PEER ADDRESS BODY.
 */
import type { Attempt, ErrorCode, PeerId } from '../../protocol/index.js';
import { errorCatalogue } from '../../protocol/index.js';
import { builtinDescriptors } from '../../workers/services/index.js';
import { jobIdOf, Story, zeros } from '../broker/story.js';

type Words = readonly string[];

class Script {
  story = new Story();
  #options: { [name: string]: number } = {};

  run(line: string): string[] {
    const [command, ...words] = line.split(/\s+/);
    const act = this.#commands[command!];
    if (!act) throw new Error(`no command ${command}`);
    return act(words) ?? [];
  }

  readonly #commands: { readonly [command: string]: (words: Words) => string[] | undefined } = {
    options: (words) => {
      this.#options = Object.fromEntries(words.map((word) => [word.split('=')[0]!, Number(word.split('=')[1])]));
      this.story = new Story(this.#options);
      return undefined;
    },
    restart: ([epoch]) => {
      const { now } = this.story;
      this.story = new Story(this.#options, { epoch: epoch! });
      this.story.passes(now);
      return undefined;
    },
    hello: ([letter, peer]) => this.story.hello(letter!, peer),
    ready: ([peer, ...words]) => {
      const name = words.find((word) => !word.includes('=')) ?? 'HIST';
      const value = (key: string) => words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
      const descriptor = builtinDescriptors.find((it) => it.name === name)!;
      return this.story.ready(peer!, descriptor, {
        slot: value('slot') ?? `slot.${peer}`,
        credit: Number(value('credit') ?? 1),
      });
    },
    ask: ([job, service, peer]) => this.story.asks(job!, service, {}, peer),
    measured: ([job, bytes]) => this.story.measured(job!, Number(bytes)),
    refused: ([job, code]) => this.story.handle({ kind: 'inputsRefused', jobId: jobIdOf(job!), fault: faultOf(code!) }),
    completes: ([peer]) => this.story.completes(peer!),
    answers: ([peer, attempt, bounds, epoch]) => {
      const [start, end] = bounds!.split(':').map(Number);
      const more = epoch === undefined ? {} : { epoch: epoch as never };
      return this.story.answers(peer!, Number(attempt), zeros(start!, end!), more);
    },
    fails: ([peer, attempt, code]) => this.story.fails(peer!, Number(attempt), faultOf(code!)),
    goes: ([peer]) => this.story.goes(peer!),
    beats: ([peer, attempt, bytes]) =>
      attempt === undefined
        ? this.story.beats(peer!)
        : this.story.beats(peer!, Number(attempt) as Attempt, Number(bytes)),
    cancels: ([letter, job]) => this.story.cancels(letter!, job!),
    passes: ([ms]) => this.story.passes(Number(ms)),
    plainready: ([peer, service]) => this.story.says(peer!, { kind: 'plainReady', service: service! }),
    plain: ([peer, service, body]) => this.story.asksPlain(peer!, service!, body ?? ''),
    plainfinal: ([peer, address, body]) =>
      this.story.handle({
        kind: 'messageReceived',
        peer: peer as PeerId,
        message: { kind: 'plainFinal', address: Buffer.from(address!), body: [Buffer.from(body ?? '')] },
      }),
  };
}

function faultOf(code: string) {
  return { code: code as ErrorCode, message: errorCatalogue[code as ErrorCode] };
}

/** The text with what really comes out in the place of what was written below each `----`. */
export function replay(text: string): string {
  const script = new Script();
  const blocks = text.trimEnd().split(/\n\n+/);
  return `${blocks.map((block) => replayBlock(script, block)).join('\n\n')}\n`;
}

function replayBlock(script: Script, block: string): string {
  const [input] = block.split(/^----$/m);
  const commands = input!.trimEnd().split('\n');
  const output = commands.filter((line) => !line.startsWith('#')).flatMap((line) => script.run(line));
  if (commands.every((line) => line.startsWith('#'))) return commands.join('\n');
  return [...commands, '----', ...(output.length > 0 ? output : ['(nothing)'])].join('\n');
}
