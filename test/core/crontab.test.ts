import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  parseCrontab,
  parseInSteps,
  type Crontab,
  type CrontabOptions,
} from '../../src/core/crontab.ts';
import { values } from '../../src/core/field.ts';
import { workOf } from '../support/work.ts';

const user: CrontabOptions = { kind: 'user', owner: 'alice', seed: 'host alice' };
const system: CrontabOptions = { kind: 'system', owner: '', seed: 'host /etc/crontab' };

function read(text: string, options = user): Crontab {
  return parseCrontab(text, options);
}

/** The entries as `line command`. */
function entries(text: string, options = user): string[] {
  return read(text, options).entries.map(({ line, command }) => `${line} ${command}`);
}

/** The problems as `line:column reason`, warnings with a question mark. */
function problems(text: string, options = user): string[] {
  return read(text, options).problems.map(
    ({ line, column, severity, reason }) =>
      `${line}:${column} ${reason}${severity === 'warning' ? '?' : ''}`,
  );
}

function messages(text: string, options = user): string[] {
  return read(text, options).problems.map(({ message }) => message);
}

test('parseCrontab() tells of a byte order mark, which would be a part of MAILTO', () => {
  for (const first of ['MAILTO=bob', '* * * * * a', '# comment', '']) {
    const text = `\xef\xbb\xbf${first}\n* * * * * b\n`;
    assert.deepEqual([entries(text), problems(text)], [['2 b'], ['1:1 bad minute']], first);
    assert.match(messages(text)[0] ?? '', /byte order mark/);
  }
  assert.deepEqual(problems('A=b\n\xef\xbb\xbfC=d\n'), []);
});

test('parseCrontab() reads entries in the order of the file, with their lines', () => {
  const text = '# m h dom mon dow command\n\n 5 * * * * a\n\t# b\n \t \n@daily c\n';
  assert.deepEqual(entries(text), ['3 a', '6 c']);
  assert.deepEqual(problems(text), []);
});

test('parseCrontab() has nothing to say of an empty file', () => {
  assert.deepEqual(read(''), { entries: [], problems: [], environment: [] });
});

test('parseCrontab() reads users in a system crontab, and none in a tab', () => {
  const text = '* * * * * root a\n';
  assert.deepEqual([read(text, system).entries[0]?.user, entries(text, system)], ['root', ['1 a']]);
  assert.deepEqual([read(text).entries[0]?.user, entries(text)], [null, ['1 root a']]);
});

test('parseCrontab() lets an assignment rule the entries below it', () => {
  const { entries: found, environment } = read('@daily a\nA=1\n@daily b\nA=2\nB=\n@daily c\n');
  assert.deepEqual(
    found.map((entry) => entry.environment),
    [
      [],
      [['A', '1']],
      [
        ['A', '2'],
        ['B', ''],
      ],
    ],
  );
  assert.deepEqual(environment, found[2]?.environment);
});

test('parseCrontab() shares an environment between the entries it rules', () => {
  const { entries: found } = read('A=1\n@daily a\n@daily b\n');
  assert.equal(found[0]?.environment, found[1]?.environment);
});

test('parseCrontab() leaves out a bad line and reads the others', () => {
  const text = '* * * * * a\n60 * * * * b\nfoo\n@never c\n* * * * * * d\n* * * * * e\n';
  assert.deepEqual(entries(text), ['1 a', '6 e']);
  assert.deepEqual(problems(text), [
    '2:1 bad minute',
    '3:1 bad minute',
    '4:1 bad time specifier',
    '5:11 bad command',
  ]);
});

test('parseCrontab() keeps an entry that it warns of', () => {
  const text = '*/60 * * * * a\n';
  assert.deepEqual([entries(text), problems(text)], [['1 a'], ['1:3 bad minute?']]);
});

test('parseCrontab() takes "\\r\\n" for a line end, and any other "\\r" as it is', () => {
  const text = 'A="b"\r\n\r\n# c\r\n* * * * * a\rb\r\n* * * * * c\r\r\n';
  assert.deepEqual(entries(text), ['4 a\rb', '5 c\r']);
  assert.deepEqual(read(text).environment, [['A', 'b']]);
  assert.deepEqual(problems(text), []);
});

test('parseCrontab() ignores a last line without newline, and that line alone', () => {
  const table: Record<string, string> = {
    '* * * * * a\n* * * * * rm -rf /ho': '2:21 missing newline before EOF',
    '* * * * * a\nA=1': '2:4 missing newline before EOF',
    '* * * * * a\n\r': '2:2 missing newline before EOF',
  };
  for (const [text, expected] of Object.entries(table)) {
    assert.deepEqual([entries(text), problems(text)], [['1 a'], [expected]], text);
    assert.deepEqual(read(text).environment, []);
  }
});

test('parseCrontab() does not mind a last comment or blank line without newline', () => {
  for (const rest of ['# b', ' \t', ' # b']) {
    assert.deepEqual(problems(`* * * * * a\n${rest}`), [], rest);
  }
});

test('parseCrontab() refuses NUL where it would reach a job, in its line alone', () => {
  const text = '* * * * * a\0b\n# \0\n*\0 * * * * c\n* * * * * d\n';
  assert.deepEqual(entries(text), ['4 d']);
  assert.deepEqual(problems(text), ['1:12 bad command', '3:2 bad minute']);
});

test('parseCrontab() keeps bytes as they are', () => {
  const bytes = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1))
    .filter((char) => !'\n%\\'.includes(char))
    .join('');
  assert.equal(read(`* * * * * x${bytes}\n`).entries[0]?.command, `x${bytes}`);
});

test('parseCrontab() lets only root and the system keep a job out of the log with "-"', () => {
  const text = '-* * * * * root a\n';
  assert.deepEqual(problems(text), ['1:1 bad option']);
  assert.equal(read(text, { ...user, owner: 'root' }).entries[0]?.flags.quiet, true);
  assert.equal(read(text, system).entries[0]?.flags.quiet, true);
});

test('parseCrontab() lets entries wait after a bad assignment for the next of that name', () => {
  const text = 'A=0\n@daily a\nA="1" 2\n@daily b\nB=1\n@daily c\nA=3\n@daily d\n';
  assert.deepEqual(entries(text), ['2 a', '8 d']);
  assert.deepEqual(problems(text), ['3:7 bad minute']);
  assert.deepEqual(messages(text), [
    '"2" follows the closing quote: quote the whole value; 2 entries below wait for the next assignment of "A"',
  ]);
});

test('parseCrontab() lets entries wait for all names that are bad', () => {
  const text = 'A="\nB="\n@daily a\nA=\n@daily b\nB=\n@daily c\n';
  assert.deepEqual(entries(text), ['7 c']);
  assert.deepEqual(
    messages(text).map((message) => message.replace(/^.*; /, '')),
    [
      '1 entry below waits for the next assignment of "A"',
      '2 entries below wait for the next assignment of "B"',
    ],
  );
});

test('parseCrontab() lets entries wait to the end of the file if need be', () => {
  const text = 'MAILTO="a@x\n@daily a\nMAILTO="b@x\n@daily b\n';
  assert.deepEqual(entries(text), []);
  assert.deepEqual(problems(text), ['1:8 bad minute', '3:8 bad minute']);
  assert.ok(messages(text).every((message) => /; 1 entry below waits/.test(message)));
});

test('parseCrontab() lets nothing wait when nothing stands below, or no assignment was begun', () => {
  assert.deepEqual(messages('A="1\n'), ['The quote of this value is never closed']);
  assert.deepEqual(entries('A "1\n@daily a\n'), ['2 a']);
  assert.deepEqual(entries('=1\n@daily a\n'), ['2 a']);
});

test('parseCrontab() finds the errors of entries that wait', () => {
  assert.deepEqual(problems('A="1\n60 * * * * a\n'), ['1:3 bad minute', '2:1 bad minute']);
});

test('parseCrontab() does not take a command that assigns for a bad assignment', () => {
  assert.deepEqual(entries('* * * * * A="x" cmd\n@daily ="x" y\n'), ['1 A="x" cmd', '2 ="x" y']);
});

test('parseCrontab() lets its caller refuse an assignment, with the same consequence', () => {
  const refuse = (name: string, value: string): string | null =>
    name === 'CRON_TZ' && value !== 'UTC' ? `There is no zone "${value}"` : null;
  const text = 'CRON_TZ=Mars\n@daily a\nCRON_TZ=UTC\n@daily b\n';
  const options = { ...user, refuse };
  assert.deepEqual(entries(text, options), ['4 b']);
  assert.deepEqual(problems(text, options), ['1:1 bad CRON_TZ']);
  assert.match(messages(text, options)[0] ?? '', /^There is no zone "Mars"; 1 entry below waits/);
  assert.deepEqual(read(text, options).environment, [['CRON_TZ', 'UTC']]);
});

test('parseCrontab() gives every entry an identity that an edit elsewhere leaves alone', () => {
  const identities = (text: string): string[] => read(text).entries.map((entry) => entry.identity);
  const [first, second, third] = identities('@daily a\n@daily b\n@daily a\n');
  assert.equal(new Set([first, second, third]).size, 3);
  assert.deepEqual(
    identities('# x\nA=1\n0 5 * * * c\n@daily  a\n\n@daily b\n@daily -q a\n').slice(1),
    [first, second, third],
  );
  assert.deepEqual(identities('X="\n@daily a\nX=\n@daily a\n'), [third]);
});

/** The minute drawn by each entry. */
function minutes(text: string, options = user): number[] {
  return read(text, options).entries.flatMap(({ schedule }) =>
    schedule.kind === 'times' ? values(schedule.minute) : [],
  );
}

test('parseCrontab() draws "~" from host, crontab and line: a reload does not move it', () => {
  const line = '~ * * * * a\n';
  assert.deepEqual(minutes(line), minutes(line));
  assert.deepEqual(minutes(`# x\n5 * * * * b\n${line}`).slice(1), minutes(line));
  const hosts = Array.from(
    { length: 50 },
    (_, host) => minutes(line, { ...user, seed: `${host}` })[0],
  );
  assert.ok(new Set(hosts).size > 20, hosts.join(' '));
});

test('parseCrontab() draws anew for each line, an identical one too', () => {
  assert.ok(new Set(minutes('~ * * * * a\n'.repeat(50))).size > 20);
  const others = Array.from({ length: 50 }, (_, index) => `~ * * * * a${index}\n`);
  assert.ok(new Set(minutes(others.join(''))).size > 20);
});

const LINE_LIMIT = 131_072;

test('parseCrontab() refuses a line of more than 131,072 bytes, and never cuts one', () => {
  const longest = `* * * * * ${'x'.repeat(LINE_LIMIT - 10)}`;
  assert.equal(read(`${longest}\n`).entries[0]?.command.length, LINE_LIMIT - 10);
  assert.deepEqual(problems(`${longest}x\n@daily a\n`), ['1:131073 command too long']);
  assert.deepEqual(entries(`${longest}x\n@daily a\n`), ['2 a']);
  assert.deepEqual(entries(`# ${longest}\n@daily a\n`), ['2 a']);
  assert.deepEqual(problems(`# ${longest}\n@daily a\n`), []);
});

test('parseCrontab() lets entries wait after an assignment that is too long', () => {
  const text = `A=${'x'.repeat(LINE_LIMIT)}\n@daily a\nA=1\n@daily b\n`;
  assert.deepEqual([entries(text), problems(text)], [['4 b'], ['1:131073 command too long']]);
});

test('parseCrontab() stops at the entry after 10,000, with one problem', () => {
  const line = '@daily a\n';
  assert.deepEqual(problems(line.repeat(10_000)), []);
  const { entries: found, problems: told } = read(`${line.repeat(12_000)}A=1\n`);
  assert.equal(found.length, 10_000);
  assert.deepEqual(
    told.map((problem) => `${problem.line} ${problem.reason}`),
    ['10001 too many entries'],
  );
});

test('parseCrontab() counts bad entries as entries, so that problems too have a bound', () => {
  const found = problems('x\n'.repeat(50_000));
  assert.deepEqual([found.length, found.at(-1)], [10_001, '10001:1 too many entries']);
});

test('parseCrontab() stops at the assignment after 1,000, with one problem', () => {
  const text = 'A=1\n'.repeat(1000);
  assert.deepEqual(problems(`${text}@daily a\n`), []);
  assert.deepEqual(problems(`${text}A=2\nA=3\n@daily a\n`), [
    '1001:1 too many environment variables',
  ]);
  assert.deepEqual(entries(`${text}A=2\nA=3\n@daily a\n`), []);
});

const crontab = fc
  .array(
    fc.oneof(
      fc.string({
        unit: fc.constantFrom(...'0123456789*/-,~ \t@%\\="\'#A\r\0'.split('')),
        maxLength: 30,
      }),
      fc.constantFrom('* * * * * a', '@daily root b', 'A="x', 'A=1', 'export A=1', '-@daily c', ''),
    ),
  )
  .map((lines) => lines.join('\n'));

test('parseCrontab() never throws, and tells and keeps everything in the order of lines', () => {
  fc.assert(
    fc.property(crontab, fc.constantFrom(user, system), (text, options) => {
      const found = read(text, options);
      const lines = text.split('\n');
      const places = found.problems.map(({ line }) => line);
      assert.deepEqual(
        places,
        places.toSorted((a, b) => a - b),
      );
      for (const { line, column } of found.problems) {
        assert.ok(column >= 1 && column <= (lines[line - 1]?.length ?? -1) + 1);
      }
      for (const entry of found.entries) {
        assert.ok(!places.includes(entry.line) && lines[entry.line - 1] !== undefined);
        assert.equal(entry.user === null, options.kind === 'user');
      }
      const identities = found.entries.map((entry) => entry.identity);
      assert.equal(new Set(identities).size, identities.length);
    }),
    { numRuns: 2000 },
  );
});

test('parseCrontab() loses no line: each is blank, a comment, or told in one of three ways', () => {
  fc.assert(
    fc.property(crontab, (text) => {
      const found = read(`${text}\n`);
      const told = new Set([...found.entries, ...found.problems].map(({ line }) => line));
      const held = found.problems.some(({ message }) => message.includes('below wait'));
      for (const [index, line] of text.split('\n').entries()) {
        const silent = /^[ \t]*(#.*)?\r?$/s.test(line) || line.includes('=') || held;
        assert.ok(silent || told.has(index + 1), JSON.stringify(line));
      }
    }),
    { numRuns: 1000 },
  );
});

const hostile: Record<string, string> = {
  'one line': 'x',
  'short lines': 'x\n',
  'empty lines': '\r\n',
  'NUL bytes': '\0',
  'lines of commas': `${'*,'.repeat(65_000)}\n`,
  'lines of random choices': `${'~,'.repeat(65_000)}0 * * * * x\n`,
  'lines of too large steps': `${'*/99,'.repeat(26_000)}0 * * * * x\n`,
  'lines of digits': `${'9'.repeat(131_000)}\n`,
  'lines of blanks': `A${' '.repeat(131_000)}x\n`,
  'lines of quotes': `A=${'"'.repeat(131_000)}\n`,
  'lines of percent signs': `* * * * * x${'%'.repeat(131_000)}\n`,
  'lines of backslashes': `* * * * * ${'\\'.repeat(131_000)}%\n`,
  'lines of flags': `* * * * * ${'-n '.repeat(43_000)}x\n`,
  assignments: 'A=1\n',
  'bad assignments': 'A="\n@daily a\n',
};
for (const [name, part] of Object.entries(hostile)) {
  test(`parseCrontab() reads ten megabytes of ${name} in bounded time`, () => {
    const text = `${part.repeat(Math.ceil(10_000_000 / part.length))}\n`;
    const work = workOf(() => {
      const { entries: found, problems: told } = read(text);
      assert.ok(found.length <= 10_000 && told.length <= 60_000);
    });
    assert.ok(work < 10_000, `${work} ms`);
  });
}

test('parseInSteps() reads what parseCrontab() reads, and pauses every few milliseconds', () => {
  const lines = ['A=b\n', '* * * * * x\n', 'junk\n', '\n', `${'0,'.repeat(60_000)}1 * * * * y\n`];
  const text = lines.map((line) => line.repeat(line.length > 100 ? 20 : 500)).join('');
  const steps = parseInSteps(text, { kind: 'user', owner: 'alice', seed: 's' });
  let pauses = 0;
  for (;;) {
    const step = steps.next();
    if (step.done === true) {
      const { entries: packed, ...others } = step.value;
      const whole = parseCrontab(text, { kind: 'user', owner: 'alice', seed: 's' });
      assert.deepEqual({ entries: [...packed], ...others }, whole);
      break;
    }
    pauses++;
  }
  assert.ok(pauses >= 20 && pauses < 40, `${pauses} pauses`);
});

test('parseCrontab() stops where the variables of an entry grow beyond what a start can carry', () => {
  const variable = (name: string): string => `${name}=${'x'.repeat(100_000)}\n`;
  const text = `${variable('A')}${variable('B')}* * * * * a\n${variable('C')}* * * * * b\n`;
  assert.deepEqual(entries(text), ['3 a']);
  assert.match(problems(text).join(), /^4:1 too much environment/);
});
