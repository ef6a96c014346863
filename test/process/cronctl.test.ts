import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

const program = new URL('../../../bin/cronctl', import.meta.url).pathname;
const me = userInfo().username;
const isRoot = process.getuid?.() === 0;

interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

interface Place {
  readonly root: string;
  readonly write: (name: string, text: string, mode?: number) => string;
  readonly cronctl: (args: readonly string[], input?: string, zone?: string) => Outcome;
}

/** A configuration of one's own, with an empty spool. */
function place(t: TestContext): Place {
  const root = mkdtempSync(join(tmpdir(), 'cronctl-test-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const name of ['spool', 'cron.d']) mkdirSync(join(root, name));
  const write = (name: string, text: string, mode = 0o644): string => {
    const file = join(root, name);
    writeFileSync(file, Buffer.from(text, 'utf8'));
    chmodSync(file, mode);
    return file;
  };
  const config = write(
    'cron.toml',
    `[paths]\nspool = "${root}/spool"\nsystem_crontab = "${root}/crontab"\ncron_d = "${root}/cron.d"\n`,
  );
  return {
    root,
    write,
    cronctl: (args, input = '', zone = process.env['TZ'] ?? '') => {
      const env = { PATH: '/usr/bin:/bin', CRON_CONFIG: config, TZ: zone };
      const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
        cwd: root,
        input,
        env,
        encoding: 'utf8',
        timeout: 30_000,
      });
      return { status, out: stdout, err: stderr };
    },
  };
}

const NY = ['--tz', 'America/New_York'];
const SPRING = ['--from', '2027-03-14T01:45', '--until', '2027-03-14T03:15'];

/** Lines of JSON. */
function objects(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line));
}

test('cronctl next tells what summer time does, as JSON', (t) => {
  const { write, cronctl } = place(t);
  const file = write('tab', '# x\n*/30 * * * * wild\n30 2 * * * Grüße %in\n@reboot x\n');
  const { status, out, err } = cronctl(['next', '--file', file, ...NY, ...SPRING, '--json']);
  const start = (line: number, command: string): object => ({
    at: '2027-03-14T07:00:00.000Z',
    file,
    line,
    user: me,
    command,
  });
  assert.deepEqual([status, err], [0, '']);
  assert.deepEqual(objects(out), [start(2, 'wild'), start(3, 'Grüße ')]);
});

test('cronctl next shows a table, by the clocks of the zone', (t) => {
  const { write, cronctl } = place(t);
  write('tab', '0 0 * * * root a\n30 0 * * * www-data b\tc\n');
  const args = ['next', '--system', '--file', 'tab', '--from', '2027-01-01', '-n', '3'];
  assert.deepEqual(cronctl([...args, '--tz', 'Asia/Kolkata']), {
    status: 0,
    out:
      'Fri 2027-01-01 00:00 +0530  root      a\n' +
      'Fri 2027-01-01 00:30 +0530  www-data  b c\n' +
      'Sat 2027-01-02 00:00 +0530  root      a\n',
    err: '',
  });
  // From now on, it tells how far away each is: which of the two comes first depends on the hour of the test.
  assert.match(
    cronctl(['next', '--system', '--file', 'tab', '-n', '2']).out,
    /^(?:\w{3} .{22} {2}in \d+ (?:s|min|h|d)\b.* {2}(?:root {6}a|www-data {2}b c)\n){2}$/,
  );
});

test('cronctl next reads times in the zone of TZ, or of --tz', (t) => {
  const { cronctl } = place(t);
  const first = (...args: string[]): string =>
    cronctl(
      ['next', '--file', '-', '-n', '1', '--json', ...args],
      '@daily x\n',
      'Europe/Paris',
    ).out.slice(7, 23);
  assert.equal(first('--from', '2027-07-01'), '2027-06-30T22:00');
  assert.equal(first('--from', '2027-07-01', '--tz', 'UTC'), '2027-07-01T00:00');
  assert.equal(first('--from', '2027-07-01T00:00Z'), '2027-07-01T22:00');
});

test('cronctl next tells of ten starts, of N, or of all until a time', (t) => {
  const { cronctl } = place(t);
  const count = (...args: string[]): number =>
    cronctl(['next', '--file', '-', '--from', '2027-01-01', ...args], '* * * * * x\n').out.split(
      '\n',
    ).length - 1;
  assert.equal(count(), 10);
  assert.equal(count('-n', '1200'), 1200);
  assert.equal(count('--until', '2027-01-01T01:00'), 60);
  assert.equal(count('--until', '2027-01-01T01:00', '-n', '7'), 7);
});

test('cronctl next says that nothing starts, and of lines that never will', (t) => {
  const { cronctl } = place(t);
  const { status, out, err } = cronctl(['next', '--file', '-'], '0 0 30 2 * x\n61 * * * * y\n');
  assert.deepEqual([status, out], [0, '']);
  assert.match(err, /^cronctl: - has errors.*\ncronctl: nothing starts in this time\n$/);
});

test('cronctl next ends when its reader does', (t) => {
  const { root, write } = place(t);
  write('tab', '* * * * * x\n');
  const line = `'${program}' next --file tab --from 2027-01-01 --until 2037-01-01 | head -n 2`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line], {
    cwd: root,
    encoding: 'utf8',
    timeout: 20_000,
  });
  assert.deepEqual([status, stdout.split('\n').length, stderr], [0, 3, '']);
});

test('cronctl next without a file tells of all crontabs of the configuration', (t) => {
  const { write, cronctl } = place(t);
  write('crontab', '0 1 * * * root a\n');
  write('cron.d/one', '0 1 * * * root b\n');
  write('cron.d/no.tab', '0 1 * * * root not\n');
  write('cron.d/open', '0 1 * * * root not\n', 0o666);
  write(`spool/${me}`, '0 1 * * * c\n', 0o600);
  const { status, out, err } = cronctl([
    'next',
    '--from',
    '2027-01-01',
    '--until',
    '2027-01-02',
    '--json',
  ]);
  assert.deepEqual(
    objects(out).map(({ command, user }) => `${String(user)} ${String(command)}`),
    ['root a', 'root b', `${me} c`],
  );
  assert.equal(status, 0);
  assert.match(err, /^cronctl: INSECURE MODE \(group\/other writable\) \(.*\/cron.d\/open\)\n$/);
});

test('cronctl next --timeline draws the day, or tells its minutes as JSON', (t) => {
  const { write, cronctl } = place(t);
  write('tab', '*/30 * * * * wild\n30 2 * * * late\n');
  const args = ['next', '--timeline', '--file', 'tab', ...NY, ...SPRING];
  const { status, out, err } = cronctl(args);
  assert.deepEqual([status, err], [0, '']);
  assert.deepEqual(out.split('\n').slice(1, 8), [
    'Sun 2027-03-14 -0500',
    `01:00  ${' '.repeat(45)}${'.'.repeat(15)}`,
    'Sun 2027-03-14 -0400',
    `03:00  :${'.'.repeat(14)}${' '.repeat(45)}      2`,
    '',
    '- 1  : 2  starts a minute',
    '2 starts in all; most in one minute:',
  ]);
  assert.deepEqual(objects(cronctl([...args, '--json']).out), [
    { at: '2027-03-14T07:00:00.000Z', starts: 2 },
  ]);
  const day = cronctl([
    'next',
    '--timeline',
    '--file',
    'tab',
    '--from',
    '2027-01-01',
    '--tz',
    'UTC',
  ]);
  assert.equal(day.out.match(/^\d\d:00 {2}/gm)?.length, 24);
});

test('cronctl next --user tells of that user alone', (t) => {
  const { write, cronctl } = place(t);
  write('crontab', '0 1 * * * root a\n');
  const next = (user: string): Outcome =>
    cronctl(['next', '--user', user, '--from', '2027-01-01', '-n', '1']);
  assert.deepEqual(next(me), { status: 1, out: '', err: `cronctl: no crontab for ${me}\n` });
  write(`spool/${me}`, '0 1 * * * c\n', 0o600);
  assert.match(next(me).out, /^Fri 2027-01-01 01:00 [+-]\d{4} {2}\S+ {2}c\n$/);
  assert.deepEqual(next('no-such-user'), {
    status: 67,
    out: '',
    err: 'cronctl: user "no-such-user" unknown\n',
  });
  assert.equal(next('../crontab').status, 67);
});

const BAD = 'FOO=bar\n61 * * * * x\n0 0 1 * fri /bin/true ü %\n';

test('cronctl check tells every problem of every file, as JSON', (t) => {
  const { write, cronctl } = place(t);
  write('good', '0 12 * * * /bin/true\n');
  write('bad', BAD);
  const { status, out, err } = cronctl(['check', '--json', 'good', 'bad', '-'], 'x\n');
  assert.deepEqual([status, err], [1, '']);
  const found = objects(out);
  assert.deepEqual(found[0], {
    file: 'bad',
    line: 2,
    column: 1,
    severity: 'error',
    reason: 'bad minute',
    message: '"61" is out of range: the minute is 0 to 59',
  });
  assert.deepEqual(
    found.map(
      ({ file, line, column, severity }) =>
        `${String(file)}:${String(line)}:${String(column)} ${String(severity)}`,
    ),
    ['bad:2:1 error', 'bad:3:9 warning', '-:1:1 error'],
  );
});

test('cronctl check shows line, reason, cause and caret', (t) => {
  const { write, cronctl } = place(t);
  write('bad', BAD);
  assert.deepEqual(cronctl(['check', 'bad']), {
    status: 1,
    out:
      '"bad":2: bad minute\n    "61" is out of range: the minute is 0 to 59\n    61 * * * * x\n    ^\n' +
      '"bad":3: warning: day-of-month or day-of-week\n' +
      '    One day field is enough: the entry starts on days "1" and also on each "fri"\n' +
      '    0 0 1 * fri /bin/true ü %\n            ^\n' +
      '"bad": 1 error, 1 warning\n',
    err: '',
  });
});

test('cronctl check ends with 0 when there are warnings only, or nothing', (t) => {
  const { cronctl } = place(t);
  assert.equal(cronctl(['check', '-'], '0 0 1 * fri /bin/true\n').status, 0);
  assert.deepEqual(cronctl(['check', '-'], '0 12 * * * /bin/true\n'), {
    status: 0,
    out: '"-": no problems\n',
    err: '',
  });
  assert.deepEqual(cronctl(['check', '--json', '-'], ''), { status: 0, out: '', err: '' });
});

test('cronctl check goes on after a file that it cannot read', (t) => {
  const { write, cronctl } = place(t);
  write('good', '0 12 * * * /bin/true\n');
  const { status, out, err } = cronctl(['check', 'none', '.', 'good', '--json']);
  assert.deepEqual([status, out], [1, '']);
  assert.match(err, /^cronctl: none: No such file or directory\ncronctl: .*\n$/);
});

test('cronctl check knows the programs and users of this host, and its summer time', (t) => {
  const { cronctl } = place(t);
  const text = '@daily root sh -c x\n@daily nosuchuser nosuchprogram\n30 2 * * * root sh\n';
  const reasons = (zone: string): string[] =>
    objects(cronctl(['check', '--system', '--json', '-'], text, zone).out).map(
      ({ line, reason }) => `${String(line)} ${String(reason)}`,
    );
  assert.deepEqual(reasons('UTC'), ['2 user column', '2 command not found']);
  assert.deepEqual(reasons('America/New_York'), [
    '2 user column',
    '2 command not found',
    '3 summer time',
  ]);
});

test('cronctl check allows a leading "-" to root alone', (t) => {
  const { cronctl } = place(t);
  assert.equal(cronctl(['check', '-'], '-@daily /bin/true\n').status, isRoot ? 0 : 1);
  assert.equal(cronctl(['check', '--system', '-'], '-@daily root /bin/true\n').status, 0);
});

const misuse: Record<string, RegExp> = {
  '': /^cronctl: usage error: a command is needed\nusage:/,
  frobnicate:
    /^cronctl: usage error: there is no command "frobnicate"; there are next, check, mail-test, status, metrics, top, run, kill, log, history, reload, mailq, flush\n/,
  constructor: /there is no command "constructor"/,
  check: /^cronctl: usage error: name a file\nusage:\tcronctl check/,
  'check --user x': /unrecognized option "--user"/,
  'next x': /"x" is no option: write --file FILE/,
  'next --file': /option "--file" needs a value/,
  'next --file a --user b': /give --file or --user, not both/,
  'next --system': /--system tells of a --file/,
  'next -n 0 --file -': /-n "0" is no number/,
  'next --timeline -n 3 --file -': /give -n or --timeline, not both/,
  'next --timeline --from 2027-01-01 --until 2027-03-01 --file -': /shows 31 days at most/,
  'next --tz Mars/Base --file -': /"Mars\/Base" is no time zone/,
  'next --from soon --file -': /--from "soon" is no time/,
  'history --since soon': /--since "soon" is no time: write 2h, 1d, today/,
  'history --since tomorrow': /--since "tomorrow" is yet to come/,
  'history -n 0': /-n "0" is no number from 1 to 99999/,
  'history -n 100001': /-n "100001" is no number/,
  'history x': /"x" is no option/,
  'next --from 2027-01-02 --until 2027-01-01 --file -': /--until is before --from/,
};
for (const [line, expected] of Object.entries(misuse)) {
  test(`cronctl ${line} is a wrong command line`, (t) => {
    const { status, out, err } = place(t).cronctl(line === '' ? [] : line.split(' '));
    assert.deepEqual([status, out], [64, '']);
    assert.match(err, expected);
  });
}

for (const line of ['--help', '-h', 'next --help', 'check --help'])
  test(`cronctl ${line} shows the usage`, (t) => {
    const { status, out, err } = place(t).cronctl(line.split(' '));
    assert.deepEqual([status, err], [0, '']);
    assert.match(out, /^usage:\tcronctl /);
  });
