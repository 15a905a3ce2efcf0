/**
 * A scenario's text: blocks of commands, each with what came of it behind `----`. `play` gives the text anew.
 *
 *   file PATH SIZE              bytes made from a seed            change PATH       other bytes, another identity
 *   broker [OPTION=MS …]        starts it (again)                 crash broker      all connections break
 *   client NAME                                                   worker NAME SERVICE [slot=ID] [credit=N]
 *   plain NAME SERVICE          an RFC 18 worker that echoes      deaf NAME         its kernel stops for nobody
 *   request NAME SERVICE PATH… [START..END] [PARAM=N …]           raw NAME SERVICE TEXT
 *   again NAME                  its last request once more, under the same number
 *   cancel NAME JOB             a job is CLIENT.NUMBER            finish NAME…      what it runs is computed
 *   hold NAME                   its link delivers nothing         release NAME
 *   kill NAME [noticed]         without a word, or with the news of it                wait MS
 */
import type { BrokerOptions } from '../../../broker/options.js';
import type { Ask } from '../../../client/events.js';
import { fail } from '../../../protocol/index.js';
import { Random } from '../../random.js';
import { content } from '../../sim/files.js';
import { ClientActor, PlainWorkerActor, WorkerActor } from './actors.js';
import { Stage, serviceNamed } from './stage.js';

const sizeOf = (text: string): number => {
  const [, digits, unit] = /^(\d+)([KM]?)$/.exec(text) ?? [];
  if (digits === undefined) throw fail('E_USAGE', `${text} is no size`);
  return Number(digits) * (unit === 'M' ? 2 ** 20 : unit === 'K' ? 1024 : 1);
};

/** NAME=NUMBER words as an object, and the others. */
function sorted(words: readonly string[]): { settings: { [name: string]: number }; rest: string[] } {
  const settings: { [name: string]: number } = {};
  const rest: string[] = [];
  for (const word of words) {
    const [, name, value] = /^([a-zA-Z]+)=(-?\d+)$/.exec(word) ?? [];
    if (name === undefined) rest.push(word);
    else settings[name] = Number(value);
  }
  return { settings, rest };
}

function askFrom(service: string, words: readonly string[]): Ask {
  const { settings, rest } = sorted(words);
  const { cells = 1024, ...params } = settings;
  const paths = rest.filter((word) => word.startsWith('/'));
  const range = rest.find((word) => word.includes('..'))?.split('..');
  return {
    kind: 'query',
    query: {
      service,
      inputs: paths.map((path) => [{ path: Buffer.from(path), offset: 0, length: null }]),
      range: { start: range ? sizeOf(range[0]!) : 0, end: range?.[1] ? sizeOf(range[1]) : null },
      cells,
      snap: false,
      params,
      cache: true,
    },
  };
}

class Player {
  readonly stage = new Stage();

  play(command: string): void {
    const [verb, ...words] = command.split(/\s+/) as [string, ...string[]];
    const [name = '', second = '', ...more] = words;
    const { stage } = this;
    switch (verb) {
      case 'file':
        stage.files.put(name, content(new Random(sizeOf(second)), sizeOf(second)));
        break;
      case 'change':
        stage.files.change(name);
        break;
      case 'broker':
        stage.startBroker(sorted(words).settings as Partial<BrokerOptions>, []);
        break;
      case 'crash':
        stage.crashBroker();
        for (const actor of stage.actors.values()) if (actor instanceof ClientActor) actor.socketLost();
        break;
      case 'client':
        this.#add(new ClientActor(stage, name));
        break;
      case 'worker': {
        const slot = more.find((word) => word.startsWith('slot='))?.slice(5) ?? name;
        this.#add(
          new WorkerActor(stage, name, serviceNamed(second), { slot, credit: sorted(more).settings.credit ?? 1 }),
        );
        break;
      }
      case 'plain':
        this.#add(new PlainWorkerActor(stage, name, second));
        break;
      case 'deaf':
        this.#actor(name, WorkerActor).isDeaf = true;
        break;
      case 'request':
        this.#actor(name, ClientActor).request(askFrom(second, more));
        break;
      case 'raw':
        this.#actor(name, ClientActor).request({ kind: 'raw', service: second, body: [Buffer.from(more.join(' '))] });
        break;
      case 'again':
        this.#actor(name, ClientActor).again();
        break;
      case 'cancel':
        this.#actor(name, ClientActor).cancel(this.#jobNamed(second));
        break;
      case 'finish':
        for (const worker of words) {
          const actor = stage.actors.get(worker);
          if (!(actor instanceof WorkerActor) && !(actor instanceof PlainWorkerActor)) throw new Error(`${worker}?`);
          actor.finish();
          stage.settle();
        }
        break;
      case 'hold':
        stage.hold(name);
        break;
      case 'release':
        stage.release(name);
        break;
      case 'kill':
        stage.kill(name, second === 'noticed');
        break;
      case 'wait':
        stage.wait(Number(name));
        break;
      default:
        throw new Error(`no command ${verb}`);
    }
    stage.settle();
  }

  #add(actor: ClientActor | WorkerActor | PlainWorkerActor): void {
    this.stage.actors.set(actor.name, actor);
  }

  #actor<A>(name: string, kind: new (...args: never[]) => A): A {
    const actor = this.stage.actors.get(name);
    if (!(actor instanceof kind)) throw new Error(`${name} is no ${kind.name}`);
    return actor;
  }

  #jobNamed(word: string): string {
    return [...this.stage.words].find(([, short]) => short === word)?.[0] ?? word;
  }
}

/** The script with what comes of it now. Lines that begin with # stay as they are. */
export function play(text: string): string {
  const player = new Player();
  const blocks: string[] = [];
  for (const block of text.trim().split(/\n\n+/)) {
    const lines = block.split('\n');
    const end = lines.indexOf('----');
    const commands = end < 0 ? lines : lines.slice(0, end);
    const isTold = commands.some((line) => !line.startsWith('#'));
    for (const line of commands) if (!line.startsWith('#')) player.play(line);
    const told = player.stage.takeLines();
    blocks.push([...commands, ...(isTold ? ['----', ...(told.length > 0 ? told : ['(nothing)'])] : [])].join('\n'));
  }
  return `${blocks.join('\n\n')}\n`;
}
