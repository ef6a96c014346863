/** What of a command line is an option, and what is left. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { commandLine } from '../../src/cli/options.ts';

describe('commandLine() reads as GNU’s getopt(3) does', () => {
  const rows: [words: string, options: Record<string, string>, operands: readonly string[]][] = [
    ['', {}, []],
    ['-l', { l: '' }, []],
    ['-u bob tab', { u: 'bob' }, ['tab']],
    ['tab -u bob', { u: 'bob' }, ['tab']],
    ['tab -lubob other', { l: '', u: 'bob' }, ['tab', 'other']],
    ['a --user bob b -l c', { u: 'bob', l: '' }, ['a', 'b', 'c']],
    ['- -l', { l: '' }, ['-']],
    ['-l -- -u -- b', { l: '' }, ['-u', '--', 'b']],
    ['a -- -u', {}, ['a', '-u']],
    ['-u -- b -l', { u: '--', l: '' }, ['b']],
  ];
  for (const [words, options, operands] of rows)
    test(words === '' ? 'nothing' : words, () => {
      const argv = ['node', 'crontab', ...words.split(' ').filter((word) => word !== '')];
      const line = commandLine('u:(user)l', argv, 'usage: crontab');
      assert.deepEqual([Object.fromEntries(line.options), line.operands], [options, operands]);
    });

  for (const words of ['tab -x', 'tab --nosuch', 'tab -u'])
    test(`what is wrong behind an operand is wrong: ${words}`, () => {
      const argv = ['node', 'crontab', ...words.split(' ')];
      assert.throws(
        () => commandLine('u:(user)l', argv, 'usage: crontab'),
        /^Failure: usage error/,
      );
    });
});
