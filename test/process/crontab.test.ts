import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { NOBODY, type Outcome, program, ownCron } from './own-cron.ts';
import { me, needsRoot } from '../support/sandbox.ts';

const GOOD = '* * * * * true\n';
const silent: Outcome = { status: 0, out: '', err: '' };

/** Command line → what it ends with, and what is on stderr, at its beginning. */
const misuse: readonly [args: readonly string[], err: string][] = [
  [['-h'], 'usage:\tcrontab [-u user] [-n] file\n\tcrontab [ -u user ] [ -i ] { -e | -l | -r }\n'],
  [['-z'], 'crontab: usage error: unrecognized option "-z"\nusage:\t'],
  [['-u'], 'crontab: usage error: option "-u" needs a value\nusage:\t'],
  [['-e', '-l'], 'crontab: usage error: only one operation permitted\nusage:\t'],
  [['-lr'], 'crontab: usage error: only one operation permitted\n'],
  [['-n', '-r'], 'crontab: usage error: only one operation permitted\n'],
  [['-l', 'x'], 'crontab: usage error: no arguments permitted after this option\n'],
  [['x', '-l'], 'crontab: usage error: no arguments permitted after this option\n'],
  [['-n'], 'crontab: usage error: file name must be specified for replace\n'],
  [['-u', me], 'crontab: usage error: file name must be specified for replace\n'],
  [['--backups', 'x'], 'crontab: usage error: --backups takes one number, as --backups lists'],
  [['--restore', '0'], 'crontab: usage error: --restore takes one number, as --backups lists'],
  [['--restore', '1', '2'], 'crontab: usage error: --restore takes one number, as --backups'],
  [['-l', '--restore'], 'crontab: usage error: only one operation permitted\nusage:\t'],
  [['-T'], 'crontab: usage error: file name must be specified for the check\n'],
  [['a', 'b'], 'crontab: usage error: only one file permitted\n'],
  [['-u', 'nobody-here', '-l'], "crontab:  user `nobody-here' unknown\n"],
  [['-l'], `no crontab for ${me}\n`],
  [['-r'], `no crontab for ${me}\n`],
  [['-r', '-i'], `no crontab for ${me}\n`],
  [['no-file'], 'crontab: no-file: No such file or directory\n'],
  [['\x1b]0;x\x07\x9b'], 'crontab: ?]0;x??: No such file or directory\n'],
  [['.'], 'crontab: .: Not a regular file.\n'],
  [['/dev/null'], 'crontab: /dev/null: Not a regular file.\n'],
];
for (const [args, expected] of misuse) {
  test(`crontab ${args.join(' ')} ends with 1 and says so`, (t) => {
    const { status, out, err } = ownCron(t).crontab(args);
    assert.deepEqual([status, out, err.slice(0, expected.length)], [1, '', expected]);
  });
}

test('crontab FILE, -l, -r install, list and remove, and log each', (t) => {
  const { crontab, file, spool, table, events } = ownCron(t);
  assert.deepEqual(crontab([file('tab', GOOD)]), silent);
  const { mode, uid } = statSync(join(spool, me));
  assert.deepEqual([mode & 0o7777, uid], [0o600, process.getuid?.()]);
  assert.deepEqual(crontab(['-l']), { ...silent, out: GOOD });
  assert.deepEqual(crontab(['-r']), silent);
  assert.equal(table(), null);
  assert.deepEqual(
    events(),
    ['REPLACE', 'LIST', 'DELETE'].map((event) => `(${me}) ${event} (${me})`),
  );
});

test('crontab -T tells the name of a file in letters only', (t) => {
  const { crontab, file } = ownCron(t);
  const { err } = crontab(['-T', file('\x1b]0;x\x07', '61 * * * * x\n')]);
  assert.match(err, /^"[^"]*\/\?\]0;x\?":1: bad minute\n/);
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(err, /[\x1b\x07]/);
});

test('crontab FILE -u USER takes the option behind the file, as Debian’s does', (t) => {
  const { crontab, file, table } = ownCron(t);
  assert.deepEqual(crontab([file('tab', GOOD), '-u', me]), silent);
  assert.equal(table(), GOOD);
});

for (const args of [['-'], [], ['--config', 'cron.toml']]) {
  test(`crontab ${args.join(' ') || 'without arguments'} reads its input`, (t) => {
    const { crontab, table } = ownCron(t);
    assert.deepEqual(crontab(args, { input: GOOD }), silent);
    assert.equal(table(), GOOD);
  });
}

test('crontab takes every byte as it is, and an empty table too', (t) => {
  const { crontab, table } = ownCron(t);
  const text = '# \xff\xc3\xa9\n  * * * * *\t\xe9 %a\\%b\n\n';
  crontab(['-'], { input: Buffer.from(text, 'latin1') });
  assert.deepEqual(crontab(['-l']), { ...silent, out: text });
  assert.deepEqual(crontab(['-'], { input: '' }), silent);
  assert.equal(table(), '');
  assert.deepEqual(crontab(['-l']), silent);
});

test('crontab -l | sed | crontab - changes a table', (t) => {
  const { environment, crontab, table } = ownCron(t);
  crontab(['-'], { input: GOOD });
  const command = '"$0" "$1" -l | sed s/true/false/ | "$0" "$1" -';
  const { status } = spawnSync('sh', ['-c', command, process.execPath, program], {
    env: environment,
  });
  assert.deepEqual([status, table()], [0, '* * * * * false\n']);
});

test('crontab shows all errors at once, and keeps the old table', (t) => {
  const { crontab, file, table } = ownCron(t);
  crontab(['-'], { input: GOOD });
  const text = `# fine\n61 * * * * x\n${GOOD}*\t* 5x * * y\n@Daily z\nMAILTO=-oQ/tmp\n* * * * *\n`;
  const { status, out, err } = crontab([file('tab', text)]);
  const tab = file('tab', text);
  assert.deepEqual([status, out, table()], [1, '', GOOD]);
  const shown = err.split('\n');
  assert.equal(shown[0], `"${tab}":2: bad minute`);
  assert.match(shown[1] ?? '', /^ {4}"61" /);
  assert.deepEqual(shown.slice(2, 5), [
    '    61 * * * * x',
    '    ^',
    `"${tab}":4: bad day-of-month`,
  ]);
  assert.deepEqual(shown.slice(6, 8), ['    * * 5x * * y', '         ^']);
  const heads = shown
    .filter((line) => line.startsWith('"'))
    .map((line) => line.slice(tab.length + 3));
  assert.deepEqual(heads, [
    '2: bad minute',
    '4: bad day-of-month',
    '5: bad time specifier',
    '6: bad MAILTO',
    '7: bad command',
  ]);
  assert.deepEqual(shown.slice(-2), ["errors in crontab file, can't install.", '']);
});

/** Table → what is on stderr when it is installed from the input, and whether it is. */
const verdicts: readonly [what: string, text: string, installed: string | null, err: RegExp][] = [
  [
    'a last line without newline',
    '* * * * * x',
    null,
    /^new crontab file is missing newline before EOF, can't install\.\n$/,
  ],
  ['a variable without newline', `${GOOD}A=b`, null, /^new crontab file is missing newline/],
  ['a comment without newline', `${GOOD}# end`, `${GOOD}# end\n`, /^$/],
  ['blanks without newline', `${GOOD}  `, `${GOOD}  \n`, /^$/],
  [
    'an error in a line without newline',
    '61 * * * * x',
    null,
    /^"-":1: bad minute\n[^]*missing newline before EOF, can't install\.\n$/,
  ],
  [
    'CRLF',
    '# a\r\n* * * * * x\r\n',
    '# a\n* * * * * x\n',
    /^crontab: CRLF line ends were changed to LF\n$/,
  ],
  [
    'a warning',
    '*/90 * * * * x\n',
    '*/90 * * * * x\n',
    /^"-":1: warning: bad minute\n.*step.*\n {4}\*\/90 \* \* \* \* x\n +\^\n$/,
  ],
  ['an unsafe MAILFROM', 'MAILFROM="a b"\n', null, /^"-":1: bad MAILFROM\n/],
  ['a CRON_TZ that is no zone', 'CRON_TZ=Mars\n', null, /^"-":1: bad CRON_TZ\n/],
  ['no mail', 'MAILTO=""\nMAILFROM=\n', 'MAILTO=""\nMAILFROM=\n', /^$/],
  ['several recipients', 'MAILTO=a@b.example, root\n', 'MAILTO=a@b.example, root\n', /^$/],
  ['a NUL', '* * * * * a\0b\n', null, /^"-":1: bad command\n/],
  [
    'control characters in a bad line',
    '61 * * * * \x1b[2J\x07\n',
    null,
    /\n {4}61 \* \* \* \* \?\[2J\?\n/,
  ],
  [
    'a column far to the right',
    `${' '.repeat(200)}61 * * * * ${'x'.repeat(200)}\n`,
    null,
    /\n {4}\.\.\. {60}61 \* \* \* \* x{29}\.\.\.\n {67}\^\n/,
  ],
];
for (const [what, text, installed, expected] of verdicts) {
  test(`crontab - says what there is to say of ${what}`, (t) => {
    const { crontab, table } = ownCron(t);
    const { status, err } = crontab(['-'], { input: Buffer.from(text, 'latin1') });
    assert.match(err, expected);
    assert.deepEqual([status, table()], [installed === null ? 1 : 0, installed]);
  });
}

test('crontab refuses too much, clearly and soon', (t) => {
  const { crontab, file, table } = ownCron(t);
  const long = crontab([file('big', '#'.repeat(10_000_000))]);
  const message = 'crontab: crontab is too long; maximum size is 4194304 bytes.\n';
  assert.deepEqual([long.status, long.err], [1, message]);
  assert.equal(crontab(['-'], { input: '#'.repeat(10_000_000) }).err, message);
  const many = crontab([file('many', GOOD.repeat(10_001))]);
  assert.match(many.err, /^".*many":10001: too many entries\n/);
  const wrong = crontab([file('wrong', 'nonsense\n'.repeat(5000))]);
  assert.match(wrong.err, /\nand 4000 more\nerrors in crontab file, can't install\.\n$/);
  assert.equal(table(), null);
});

test('crontab does not wait for a FIFO', (t) => {
  const { crontab, root } = ownCron(t);
  spawnSync('mkfifo', [join(root, 'fifo')]);
  assert.equal(crontab(['fifo']).err, 'crontab: fifo: Not a regular file.\n');
});

test('crontab -n checks as for installing, and installs nothing', (t) => {
  const { crontab, file, table } = ownCron(t);
  const said = 'The syntax of the crontab file was successfully checked.\n';
  assert.deepEqual(crontab(['-n', file('tab', GOOD)]), { ...silent, err: said });
  const { status, err } = crontab(['-n', file('bad', '61 * * * * x\n')]);
  assert.match(err, /bad minute[^]*errors in crontab file, can't install\.\n$/);
  assert.deepEqual([status, table()], [1, null]);
});

test('crontab -T checks without configuration, spool and cron.allow', (t) => {
  const { crontab, file } = ownCron(t);
  file('allow', 'somebody-else\n');
  const env = { CRON_CONFIG: '/nowhere' };
  const said = 'No syntax issues were found in the crontab file.\n';
  assert.deepEqual(crontab(['-T', file('tab', GOOD)], { env }), { ...silent, err: said });
  assert.deepEqual(crontab(['-T', '-'], { env, input: GOOD }), { ...silent, err: said });
  const { status, err } = crontab(['-T', '-'], { env, input: '61 * * * * x\n* 24 * * * y\n' });
  assert.equal(status, 1);
  assert.match(
    err,
    /^"-":1: bad minute\n[^]*\n"-":2: bad hour\n[^]*Invalid crontab file\. Syntax issues were found\.\n$/,
  );
});

test('crontab -l hides the header that another cron left; CRONTAB_NOHEADER=N shows it', (t) => {
  const { crontab, spool } = ownCron(t);
  const header =
    '# DO NOT EDIT THIS FILE - edit the master and reinstall.\n' +
    '# (- installed on Sun Nov 22 12:36:29 2026)\n' +
    '# (Cron version -- $Id: crontab.c,v 2.13 1994/01/17 03:20:37 vixie Exp $)\n';
  const rest = `# mine\n${GOOD}`;
  writeFileSync(join(spool, me), header + rest, { mode: 0o600 });
  assert.equal(crontab(['-l']).out, rest);
  assert.equal(crontab(['-l'], { env: { CRONTAB_NOHEADER: 'N' } }).out, header + rest);
  writeFileSync(join(spool, me), `# one\n# two\n# three\n${GOOD}`, { mode: 0o600 });
  assert.equal(crontab(['-l']).out, `# one\n# two\n# three\n${GOOD}`);
});

test('crontab -l fails when its output has nowhere to go, in silence when nobody reads on', (t) => {
  const { crontab, environment } = ownCron(t);
  crontab(['-'], { input: `#${'x'.repeat(100)}\n`.repeat(10_000) });
  const run = (command: string): Outcome => {
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command, process.execPath, program], {
      env: environment,
      encoding: 'latin1',
    });
    return { status, out: stdout, err: stderr };
  };
  const full = run('"$0" "$1" -l > /dev/full');
  assert.equal(full.status, 1);
  assert.match(full.err, /^crontab: Cannot write: no space left on device\n$/);
  const head = run('{ "$0" "$1" -l; echo $? >&2; } | head -c 1');
  assert.deepEqual([head.out, head.err], ['#', '1\n']);
});

test('crontab -r -i asks until it is told y or n; the end of the input is n', (t) => {
  const { crontab, table } = ownCron(t);
  crontab(['-'], { input: GOOD });
  const question = `crontab: really delete ${me}'s crontab? (y/n) `;
  for (const input of ['n\n', 'No\n', 'N']) {
    assert.deepEqual(crontab(['-r', '-i'], { input }), { ...silent, out: question }, input);
  }
  const lost = crontab(['-ri'], { input: 'what\n' });
  assert.deepEqual(lost, { status: 0, out: `${question}\n`, err: 'Please enter Y or N: ' });
  assert.equal(table(), GOOD);
  assert.deepEqual(crontab(['-ri'], { input: 'Y\n' }), { ...silent, out: question });
  assert.equal(table(), null);
});

test('crontab says what is wrong with its configuration', (t) => {
  const { crontab, file } = ownCron(t);
  const { status, err } = crontab(['--config', file('bad.toml', '[paths]\nspol = "/x"\n'), '-l']);
  assert.equal(status, 78);
  assert.match(err, /^crontab: .*bad\.toml: "paths\.spol" is no setting of mailcron\n$/);
});

test('crontab -u is root’s, or names oneself', needsRoot, (t) => {
  const { crontab, spool } = ownCron(t, NOBODY);
  assert.deepEqual(crontab(['-u', 'nobody', '-'], { input: GOOD }), silent);
  const { mode, uid } = statSync(join(spool, 'nobody'));
  assert.deepEqual([mode & 0o7777, uid], [0o600, NOBODY]);
  const asNobody = true;
  assert.deepEqual(crontab(['-u', 'nobody', '-l'], { asNobody }), { ...silent, out: GOOD });
  const other = crontab(['-u', 'root', '-l'], { asNobody });
  assert.deepEqual(other, { status: 1, out: '', err: 'must be privileged to use -u\n' });
});

test(
  'crontab heeds cron.deny, and logs AUTH; root cannot help a user who is denied',
  needsRoot,
  (t) => {
    const { crontab, file, table, events } = ownCron(t, NOBODY);
    file('deny', 'nobody');
    chownSync(file('log', ''), NOBODY, NOBODY);
    const asRoot = crontab(['-u', 'nobody', '-'], { input: GOOD });
    const refusal = 'The user nobody cannot use this program (crontab)\n';
    assert.deepEqual([asRoot, events()], [{ status: 1, out: '', err: refusal }, []]);
    const asNobody = crontab(['-'], { input: GOOD, asNobody: true });
    const err =
      'You (nobody) are not allowed to use this program (crontab)\n' +
      'See crontab(1) for more information\n';
    assert.deepEqual(asNobody, { status: 1, out: '', err });
    assert.deepEqual(events(), ['(nobody) AUTH (crontab command not allowed)']);
    assert.equal(table('nobody'), null);
  },
);

test('crontab refuses everybody while cron.allow cannot be read', needsRoot, (t) => {
  const { crontab, file, root } = ownCron(t, NOBODY);
  chmodSync(file('allow', 'nobody\n'), 0o600);
  const { status, err } = crontab(['-l'], { asNobody: true });
  assert.equal(status, 1);
  assert.ok(err.startsWith(`${root}/allow: permission denied\nYou (nobody) are not allowed`), err);
});

for (const [args, what] of [
  [['-l'], 'read'],
  [['-e'], 'read'],
  [['-r'], 'remove'],
  [['-'], 'install'],
  [['--backups'], 'list the former tables of'],
  [['--restore'], 'read a former table of'],
] as const) {
  test(
    `crontab ${args.join()} of an ordinary user says that cron is not running`,
    needsRoot,
    (t) => {
      const { crontab, root } = ownCron(t);
      const { status, err } = crontab(args, { input: GOOD, asNobody: true });
      const expected =
        `crontab: Cannot ${what} the crontab of nobody: cron is not running, and only root can do ` +
        `without; it would listen at "${root}/run/cron.sock"\n`;
      assert.deepEqual([status, err], [1, expected]);
    },
  );
}

test('crontab --restore brings back what was removed or replaced, and back again', (t) => {
  const { crontab, table } = ownCron(t);
  const [one, two] = ['@daily one\n', '@daily two\n'];
  crontab(['-'], { input: one });
  crontab(['-'], { input: two });
  assert.deepEqual(crontab(['--backups', '1']), { ...silent, out: one });
  crontab(['-r']);
  const list = crontab(['--backups']);
  const line = String.raw`until \w{3} \d{4}-\d\d-\d\d \d\d:\d\d [+-]\d{4}  11 bytes\n`;
  assert.match(list.out, new RegExp(`^ 1  ${line} 2  ${line}$`));
  const said = new RegExp(`^crontab: restored the crontab of ${me} that was in force until .{26}`);
  const removed = crontab(['--restore']);
  assert.match(removed.err, new RegExp(`${said.source}\n$`));
  assert.deepEqual([removed.status, removed.out, table()], [0, '', two]);
  const replaced = crontab(['--restore', '2']);
  assert.match(replaced.err, new RegExp(`${said.source}; crontab --restore takes this back\n$`));
  assert.deepEqual([replaced.status, table()], [0, one]);
  crontab(['--restore']);
  assert.equal(table(), two);
});

test('crontab keeps the last ten tables', (t) => {
  const { crontab, table } = ownCron(t);
  for (let n = 0; n < 12; n++) crontab(['-'], { input: `@daily ${n}\n` });
  assert.equal(crontab(['--backups']).out.split('\n').length - 1, 10);
  crontab(['--restore', '10']);
  assert.equal(table(), '@daily 1\n');
});

test('crontab --restore says what it cannot do, and does nothing', (t) => {
  const { crontab, table, root } = ownCron(t);
  const none = crontab(['--backups']);
  assert.deepEqual(none, { ...silent, status: 1, err: `no former crontab of ${me} is kept\n` });
  const absent = `crontab: There is no former crontab 1 of ${me}; crontab --backups lists those that are kept\n`;
  assert.deepEqual(crontab(['--restore']), { ...silent, status: 1, err: absent });
  crontab(['-'], { input: GOOD });
  crontab(['-'], { input: '@daily x\n' });
  const [kept = ''] = readdirSync(join(root, 'state', 'backup', me));
  writeFileSync(join(root, 'state', 'backup', me, kept), '61 * * * * x\n');
  const { status, err } = crontab(['--restore', '1']);
  assert.equal(status, 1);
  assert.match(err, /^"former crontab 1":1: bad minute\n[^]*; crontab --backups 1 shows it\.\n$/);
  assert.equal(table(), '@daily x\n');
  writeFileSync(join(root, 'state', 'backup', me, kept), '@daily x\n');
  const same = `crontab: the crontab of ${me} is that one already\n`;
  assert.deepEqual(crontab(['--restore']), { ...silent, err: same });
});
