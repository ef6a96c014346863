import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { lint, type LintOptions } from '../../src/core/lint.ts';
import { offsetsOf } from '../../src/core/spans.ts';
import { workOf } from '../support/work.ts';

const programs = new Set(['/usr/bin/tar', '/bin/sh', '/usr/sbin/logrotate', '/usr/bin/nobody']);
const which = (name: string, path: string): string | null =>
  path
    .split(':')
    .map((directory) => `${directory}/${name}`)
    .find((file) => programs.has(file)) ?? null;

const user: LintOptions = { kind: 'user', owner: 'alice' };
const system: LintOptions = { kind: 'system', isUser: (name) => name === 'root' };
const ny: LintOptions = {
  ...user,
  at: Date.parse('2026-11-22T13:00Z'),
  offsets: offsetsOf('America/New_York'),
};

/** The problems as `line:column reason`, errors with an exclamation mark. */
function told(text: string, options = user): string[] {
  return lint(text, options).map(
    ({ line, column, severity, reason }) =>
      `${line}:${column} ${reason}${severity === 'error' ? '!' : ''}`,
  );
}

/** The messages about a single entry. */
function messages(entry: string, options = user): string[] {
  return lint(`${entry}\n`, options).map(({ message }) => message);
}

const OR = 'day-of-month or day-of-week';
const AND = 'day-of-month and day-of-week';
const DEBIAN = 'differs from Debian';

/** A crontab of a user → all that is said of it; an entry may go without its command. */
const table: Record<string, readonly string[]> = {
  // What everybody writes
  '*/5 * * * * /usr/bin/true': [],
  '0 0 1 * * x': [],
  '0 0 * * mon-fri x': [],
  '0 0 * * * x # not 5 % of it \\%': [],
  '@daily x': [],
  '@reboot x': [],
  '0 0 31 * * x': [],
  '0 0 29 2 * x': [],
  'PATH=/usr/bin:/bin\nMAILTO=a@b.c,d\n@daily x': [],
  'MAILTO=""\n@daily x': [],
  // Errors
  '61 * * * * x': ['1:1 bad minute!'],
  'CRON_TZ=Mars/Olympus\n@daily x': ['1:1 bad CRON_TZ!'],
  'MAILTO=a,-x\n@daily x': ['1:10 bad MAILTO!'],
  'MAILTO="a,;x"\n@daily x': ['1:11 bad MAILTO!'],
  'MAILFROM=$USER\n@daily x': ['1:10 bad MAILFROM!'],
  // Days
  '0 0 1,15 * fri x': [`1:12 ${OR}`],
  '0 0 1-31 * 1 x': [`1:12 ${OR}`],
  '0 0 1 * 0-7 x': [`1:9 ${OR}`],
  '0 0 1-31 * 0-6 x': [],
  '0 0 */2 * 1 x': [`1:11 ${AND}`],
  '0 0 1-7 * */7 x': [`1:11 ${AND}`],
  '0 0 *,5 * 1 x': [],
  '0 0 */2 * * x': [],
  '0 0 30 2 * x': ['1:5 never due'],
  '0 0 31 apr,jun * x': ['1:5 never due'],
  '0 0 30,31 feb */2 x': ['1:5 never due'],
  '0 0 31 feb 1 x': [`1:12 ${OR}`],
  '0 0 29,30 2 * x': [],
  // The percent sign
  '@daily date +%F > x': ['1:14 unescaped %'],
  '@daily date "+x %F"': ['1:17 unescaped %'],
  "@daily printf '%s' x": ['1:16 unescaped %'],
  '@daily printf %s x': ['1:15 unescaped %'],
  '@daily x $(date %F)': ['1:17 unescaped %'],
  '@daily git log --format=%H': ['1:25 unescaped %'],
  '@daily ps -eo pid,%cpu': ['1:19 unescaped %'],
  '@daily curl http://x.y/a%20b': ['1:25 unescaped %'],
  '@daily date +\\%F': [],
  "@daily sed 's/x/y/'%Dear reader": [],
  '@daily echo "it\'s" \'say "x\' $(a) `b`%x': [],
  '@daily mail bob%Hello%20 lines': [],
  'SHELL=/usr/bin/python3\n@daily print("%d")': [],
  // Commands
  '@daily logrotate x': ['1:8 command not found'],
  '@daily A=1 B="x y" service x restart': ['1:8 command not found'],
  'PATH=/bin:/usr/sbin\n@daily logrotate x': [],
  '@daily /usr/sbin/logrotate x': [],
  '@daily cd /x && logrotate': [],
  '* * * * * root x': ['1:11 user column'],
  '* * * * * root': [],
  '* * * * * www-data x': ['1:11 user column'],
  '* * * * * backup x': [],
  // Variables
  'PATH=$HOME/bin:/bin\n@daily x': ['1:6 not expanded'],
  'A="x ${B}"\n@daily x': ['1:6 not expanded'],
  'A=$(x)\n@daily x': ['1:3 not expanded'],
  'PATH=/bin:~/bin\n@daily x': ['1:6 not expanded'],
  'A=5$ and ~x\n@daily x': [],
  'A=-x"y z"\n@daily x': ['1:5 quotes in a value'],
  "A=don't\n@daily x": [],
  'A="b \'c\'"\n@daily x': [],
  'A=b # c\n@daily x': ['1:5 comment in a value'],
  'A="b # c"\nB=b#c\n@daily x': [],
  'MAIL_TO=a\n@daily x': ['1:1 unknown setting'],
  'mailto=a\n@daily x': ['1:1 unknown setting'],
  'CRON_TIMEZONE=UTC\n@daily x': ['1:1 unknown setting'],
  'MAILTO2=a\n@daily x': [],
  'TZ=UTC\n@daily x': ['1:1 TZ'],
  'CRON_TZ=UTC\nTZ=UTC\n@daily x': [`1:1 ${DEBIAN}`],
  '@daily x\nMAILTO=a': ['2:1 rules nothing'],
  'MAILTO=a': [],
  '@daily x\nMAILTO=a\n61 * * * * x': ['3:1 bad minute!'],
  // Debian
  '0~30 * * * * x': [`1:2 ${DEBIAN}`],
  '* * * * * -n x': [`1:11 ${DEBIAN}`],
  '@daily -nq -s x': [`1:8 ${DEBIAN}`],
  '0 0 * * sat-sun x': [`1:9 ${DEBIAN}`],
  '0 0 * * 1,fri-0 x': [`1:11 ${DEBIAN}`],
  '0 0 * * 5-7,sun-mon,0-3 x': [],
  '@daily echo a\\\\b': [`1:14 ${DEBIAN}`],
  '@daily echo a%b\\\\c': [],
  '*/60 * * * * x': [`1:1 ${DEBIAN}`, '1:3 bad minute'],
  '*/59 * * * * x': [],
  'MAILTO=\n@daily x': [`1:1 ${DEBIAN}`],
  'MAILTO=a, b\n@daily x': [`1:10 ${DEBIAN}`],
  'RANDOM_DELAY=5\nCRON_TIMEOUT=1h\n@daily x': [`1:1 ${DEBIAN}`, `2:1 ${DEBIAN}`],
  [`@daily ${'x'.repeat(999)}`]: [`1:8 ${DEBIAN}`],
  [`@daily ${'x'.repeat(998)}`]: [],
  'A=1\r\n@daily x\r': [`1:4 ${DEBIAN}`],
};
for (const [text, expected] of Object.entries(table)) {
  test(`lint() of ${JSON.stringify(text.slice(0, 60))}`, () => {
    assert.deepEqual(told(`${text}\n`), expected);
  });
}

const systemTable: Record<string, readonly string[]> = {
  '* * * * * root x': [],
  '* * * * * backup.sh x': ['1:11 user column'],
  '* * * * * /x y': ['1:11 bad username!'],
  '-* * * * * root -n x': [`1:1 ${DEBIAN}`, `1:17 ${DEBIAN}`],
  'MAILTO=;\n@daily root x': ['1:8 bad MAILTO'],
};
for (const [text, expected] of Object.entries(systemTable)) {
  test(`lint() of the system's ${JSON.stringify(text)}`, () => {
    assert.deepEqual(told(`${text}\n`, system), expected);
  });
}

test('lint() minds a missing newline, but not behind a comment', () => {
  assert.deepEqual(told('@daily x'), ['1:9 missing newline before EOF!']);
  assert.deepEqual(told('@daily x\n # end'), []);
});

test('lint() knows by their looks what are no users', () => {
  const looks: LintOptions = { kind: 'system' };
  assert.deepEqual(told('* * * * * www-data x\n* * * * * $HOME/x y\n', looks), [
    '2:11 user column',
  ]);
});

test('lint() looks for programs in the PATH that rules the entry', () => {
  const options = { ...user, which };
  const where = 'is not in PATH (/usr/bin:/bin): write /usr/sbin/logrotate';
  assert.deepEqual(messages('@daily tar x; foo', options), []);
  assert.deepEqual(messages('@daily logrotate x', options), [`"logrotate" ${where}`]);
  assert.deepEqual(messages('@daily foo', options), [
    'On this host no "foo" is in PATH (/usr/bin:/bin)',
  ]);
  assert.deepEqual(told('PATH=/usr/sbin\n@daily logrotate x\n', options), []);
  assert.deepEqual(told('PATH=$X\n@daily foo\n', options), ['1:6 not expanded']);
  assert.deepEqual(messages('@daily nobody x', options), []); // a user's name, and a program
  assert.deepEqual(told('@daily root x\n', options), ['1:8 user column']);
});

const summer: Record<string, readonly string[]> = {
  '30 2 * * *': ['On 2027-03-14 there is no 02:30: the entry starts at 03:00'],
  '0-59 2 * * *': ['On 2027-03-14 there is no 02:00 to 02:59: the 60 starts come at 03:00'],
  '30 1 * * *': ['On 2027-11-07 01:30 comes twice: the entry starts the first time only'],
  '*/30 1 * * *': ['On 2027-11-07 01:00 to 01:30 comes twice: the entry starts both times'],
  '*/30 2 * * *': ['On 2027-03-14 there is no 02:00 to 02:30: nothing starts'],
  '0 0-23 * * *': [
    'On 2027-03-14 there is no 02:00: the entry starts at 03:00; ' +
      'on 2027-11-07 01:00 comes twice: the entry starts the first time only',
  ],
  '30 2 * * mon': [],
  '30 2 1-7 3 *': [],
  '30 3 * * *': [],
  '*/5 * * * *': [],
  '0 */2 * * *': [],
  '@hourly': [],
  '@daily': [],
};
for (const [schedule, expected] of Object.entries(summer)) {
  test(`lint() tells what summer time in New York does to ${schedule}`, () => {
    assert.deepEqual(messages(`${schedule} x`, ny), expected);
  });
}

test('lint() tells of summer time in the zone of CRON_TZ', () => {
  const text = (zone: string): string => `CRON_TZ=${zone}\n15 2 * * * x\n`;
  const all = (zone: string): (string | undefined)[] =>
    lint(text(zone), ny)
      .filter(({ line }) => line === 2)
      .map(({ message }) => message);
  assert.deepEqual(all('Asia/Kolkata'), []);
  assert.deepEqual(all('Australia/Lord_Howe'), [
    'In Australia/Lord_Howe, on 2027-10-03 there is no 02:15: the entry starts at 02:30',
  ]);
  assert.deepEqual(all('Antarctica/Troll'), [
    'In Antarctica/Troll, on 2027-03-28 there is no 02:15: the entry starts at 03:00; ' +
      'on 2027-10-31 02:15 comes twice: the entry starts the first time only',
  ]);
});

test('lint() reads our own crontabs', () => {
  const folder = new URL('../../../crontabs/', import.meta.url);
  const reasons = readdirSync(folder).flatMap((file) =>
    lint(readFileSync(new URL(file, folder), 'latin1'), user).map(
      ({ line, reason }) => `${file}:${line} ${reason}`,
    ),
  );
  assert.deepEqual(reasons, [`disk:2 ${DEBIAN}`, `week:6 ${OR}`, `week:8 ${AND}`]);
});

const alphabet = fc.constantFrom(...'0123456789*/-,~ \t\n\r%\\\'"`$(=#@:+;AMsunroot'.split(''));
const line = fc.oneof(
  fc.string({ unit: alphabet, maxLength: 60 }),
  fc.string({ unit: alphabet, maxLength: 40 }).map((command) => `* * * * * ${command}`),
  fc.string({ unit: alphabet, maxLength: 40 }).map((value) => `MAILTO=${value}`),
);

test('lint() never throws, and points into the line', () => {
  const text = fc.array(line, { maxLength: 20 }).map((lines) => `${lines.join('\n')}\n`);
  fc.assert(
    fc.property(text, fc.boolean(), (crontab, isSystem) => {
      const lines = crontab.split('\n');
      const found = lint(crontab, { ...ny, which, kind: isSystem ? 'system' : 'user' });
      for (const { line: number, column, message } of found) {
        const length = (lines[number - 1] ?? '').length;
        assert.ok(column >= 1 && column <= length + 1, `${number}:${column} ${message}`);
        assert.match(message, /^[ -~]+$/);
      }
    }),
    { numRuns: 1000 },
  );
});

const MEGABYTES = 4 * 1024 * 1024;
const hostile: Record<string, string> = {
  'open parentheses': `* * * * * ${'$('.repeat(60_000)}%x`,
  addresses: `* * * * * ${'://'.repeat(40_000)}%x`,
  quotes: `* * * * * ${`'"\`\\`.repeat(30_000)}%x`,
  'assignments before a command': `* * * * * ${'A= '.repeat(40_000)}x`,
  ranges: `* * * * ${'sat-sun,'.repeat(15_000)}1 x`,
  'a long value': `A=${`"'$~:`.repeat(25_000)}`,
};
for (const [what, text] of Object.entries(hostile)) {
  test(`lint() is linear in ${what}`, () => {
    const work = workOf(() => lint(`${text}\n`.repeat(Math.ceil(MEGABYTES / text.length)), ny));
    assert.ok(work < 5000, `${work} ms`);
  });
}
for (const text of ['A=$B\n', 'x\n', '30 2 * * * x\n', '\n', '@daily ~\n'])
  test(`lint() ends soon in a crontab of ${JSON.stringify(text)} only`, () => {
    const work = workOf(() => lint(text.repeat(MEGABYTES / text.length), ny));
    assert.ok(work < 5000, `${work} ms`);
  });

test('lint() shows what cannot be seen in the name of a variable', () => {
  const [first] = lint('"\r"=\n@daily x\n', user);
  assert.equal(
    first?.message,
    `Debian's cron refuses an empty value before version 13: write ^M=""`,
  );
});
