/** The options that commands share, checked before anything is started. */

import { expect } from 'chai';
import { Command } from 'commander';
import {
  type AnswerFlags,
  addAnswerOptions,
  addFileOptions,
  blockOption,
  cellsOption,
  shiftOption,
} from '../../bin/cli/options.js';
import { styleOf } from '../../bin/cli/screen.js';

type Flags = AnswerFlags & { block?: number; shiftB?: number };

function parse(...args: string[]): Flags {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  command.addOption(blockOption()).addOption(cellsOption()).addOption(shiftOption()).argument('[FILE...]');
  addFileOptions(addAnswerOptions(command)).parse(args, { from: 'user' });
  return command.opts<Flags>();
}

describe('common options', () => {
  it('take ranges in all their forms', () => {
    for (const range of ['0:1M', '1G:+512M', ':0x1000', '8s:', '-1M:', '-2k:-1k', ':']) {
      expect(parse('--range', range).range, range).to.equal(range);
    }
  });

  it('refuse a wrong range at once', () => {
    for (const range of ['5', '1:2:3', 'a:b', '1.1:2', '1Q:']) {
      expect(() => parse('--range', range), range)
        .to.throw()
        .with.property('code', 'E_USAGE');
    }
  });

  it('take sizes with units, and a shift both ways', () => {
    expect(parse('--block', '64k').block).to.equal(65_536);
    expect(parse('--shift-b', '-8s').shiftB).to.equal(-4096);
    expect(parse('--shift-b=+1k').shiftB).to.equal(1024);
    expect(() => parse('--block', '-4')).to.throw(/^--block: /);
  });

  it('take whole numbers within their limits', () => {
    expect(parse('-j', '4').cores).to.equal(4);
    for (const wrong of ['0', '1.5', 'all', '', '1025', '-1'])
      expect(() => parse('-j', wrong), wrong).to.throw(/^--cores: /);
    expect(() => parse('--cells', '0')).to.throw('--cells: "0" is not a whole number from 1');
  });

  it('do not take both --json and --ndjson', () => {
    expect(() => parse('--json', '--ndjson')).to.throw('cannot be used with');
  });

  it('use the cache unless told otherwise', () => {
    expect(parse().cache).to.equal(true);
    expect(parse('--no-cache').cache).to.equal(false);
  });
});

describe('the style of a terminal', () => {
  const terminal = { columns: 120, rows: 40 };

  it('follows the locale', () => {
    expect(styleOf(terminal, { LANG: 'en_GB.UTF-8' }).unicode).to.equal(true);
    expect(styleOf(terminal, { LANG: 'en_GB.UTF-8', LC_ALL: 'C' }).unicode).to.equal(false);
    expect(styleOf(terminal, { LC_CTYPE: 'C.utf8' }).unicode).to.equal(true);
    expect(styleOf(terminal, {}).unicode).to.equal(false);
  });

  it('keeps COLUMNS, NO_COLOR and a dumb terminal', () => {
    expect(styleOf(terminal, {}).columns).to.equal(120);
    expect(styleOf(terminal, { COLUMNS: '60' }).columns).to.equal(60);
    expect(styleOf(terminal, { COLUMNS: 'wide' }).columns).to.equal(120);
    expect(styleOf(terminal, {}).color).to.equal(true);
    expect(styleOf(terminal, { NO_COLOR: '1' }).color).to.equal(false);
    const dumb = styleOf(terminal, { TERM: 'dumb', LANG: 'C.UTF-8' });
    expect([dumb.unicode, dumb.color, dumb.rows]).to.deep.equal([false, false, undefined]);
  });
});
