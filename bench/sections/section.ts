/** The contract of sections: each is one function that measures something and gives tables. */
import type { Table } from '../table.js';

/** What a section is given. */
export interface Bench {
  /** Scratch, removed at the end. */
  readonly folder: string;
  /** Where large files stay for the next bench. */
  readonly filesFolder: string;
  /** How often each contender is measured; other counts grow and shrink with it. Default 5. */
  readonly runs: number;
  /** The file that figures at full speed are of; made when first asked for. */
  mixFile(): Promise<string>;
  /** Says on stderr what goes on. */
  say(text: string): void;
}

export interface Section {
  /** What it measures, in a line. */
  readonly says: string;
  run(bench: Bench): Promise<Table[]>;
}
