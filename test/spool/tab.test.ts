import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { LOAD_LIMIT, logProblems, parseTab, type Place, readTab } from '../../src/spool/tab.ts';
import { house, UID } from './house.ts';
import { needsRoot } from '../support/sandbox.ts';

const STRANGER = 54321;
const place = (path: string, user: string | null): Place => ({
  label: user ?? '*system*x',
  path,
  shown: user === null ? '/etc/cron.d/x' : `crontabs/${user}`,
  user,
});

/** What is done to a good file → what is said of it. */
type Case = readonly [what: string, spoil: (path: string) => void, expected: string];

const spool: readonly Case[] = [
  ['a good tab', () => {}, 'ok'],
  ['mode 0644', (path) => chmodSync(path, 0o644), 'INSECURE MODE (mode 0600 expected)'],
  ['mode 0400', (path) => chmodSync(path, 0o400), 'INSECURE MODE (mode 0600 expected)'],
  ['a set-uid bit', (path) => chmodSync(path, 0o4600), 'INSECURE MODE (mode 0600 expected)'],
  ['a second link', (path) => linkSync(path, `${path}2`), 'NUMBER OF HARD LINKS > 1'],
  ['a symbolic link', replacedBy((path) => symlinkSync(`${path}.good`, path)), "CAN'T OPEN"],
  [
    'a FIFO',
    replacedBy((path) => execFileSync('mkfifo', ['-m', '600', path])),
    'NOT A REGULAR FILE',
  ],
  ['a directory', replacedBy((path) => mkdirSync(path)), 'NOT A REGULAR FILE'],
  ['no file at all', replacedBy(() => {}), "CAN'T OPEN"],
  ['a hole of 16 MiB and a byte', (path) => truncateSync(path, LOAD_LIMIT + 1), 'ERROR'],
];
for (const [what, spoil, expected] of spool) {
  test(`readTab() says ${expected} to ${what} in the spool`, (t) => {
    const path = house(t).tab('alice', '* * * * * true\n');
    spoil(path);
    const reading = readTab(place(path, 'alice'), [0, UID]);
    assert.equal(reading.ok ? 'ok' : reading.event, expected);
  });
}

const spoolAsRoot: readonly Case[] = [
  ['a tab of root’s', (path) => chownSync(path, 0, 0), 'ok'],
  ['a tab of a stranger', (path) => chownSync(path, 4242, 0), 'WRONG FILE OWNER'],
  [
    'a device',
    replacedBy((path) => execFileSync('mknod', ['-m', '600', path, 'c', '1', '5'])),
    'NOT A REGULAR FILE',
  ],
];
for (const [what, spoil, expected] of spoolAsRoot) {
  test(`readTab() says ${expected} to ${what} in the spool of a user`, needsRoot, (t) => {
    const path = house(t).tab('alice', '');
    chownSync(path, STRANGER, STRANGER);
    spoil(path);
    const reading = readTab(place(path, 'alice'), [0, STRANGER]);
    assert.equal(reading.ok ? 'ok' : reading.event, expected);
  });
}

const system: readonly Case[] = [
  ['a good file', () => {}, 'ok'],
  ['mode 0755', (path) => chmodSync(path, 0o755), 'ok'],
  ['mode 0664', (path) => chmodSync(path, 0o664), 'INSECURE MODE (group/other writable)'],
  ['mode 0602', (path) => chmodSync(path, 0o602), 'INSECURE MODE (group/other writable)'],
  ['a second link', (path) => linkSync(path, `${path}2`), 'NUMBER OF HARD LINKS > 1'],
  ['a symbolic link', replacedBy((path) => symlinkSync(`${path}.good`, path)), 'ok'],
  ['a broken symbolic link', replacedBy((path) => symlinkSync('gone', path)), "CAN'T OPEN SYMLINK"],
  ['a loop', replacedBy((path) => symlinkSync(path, path)), "CAN'T OPEN SYMLINK"],
  ['a link to a directory', replacedBy((path) => symlinkSync('.', path)), 'NOT A REGULAR FILE'],
  [
    'a FIFO',
    replacedBy((path) => execFileSync('mkfifo', ['-m', '600', path])),
    'NOT A REGULAR FILE',
  ],
];
for (const [what, spoil, expected] of system) {
  test(`readTab() says ${expected} to ${what} in cron.d`, (t) => {
    const path = house(t).cronD('x', '');
    spoil(path);
    const reading = readTab(place(path, null), [0, UID]);
    assert.equal(reading.ok ? 'ok' : reading.event, expected);
  });
}

const systemAsRoot: readonly Case[] = [
  ['a file of a stranger', (path) => chownSync(path, STRANGER, 0), 'WRONG FILE OWNER'],
  [
    'a stranger’s link to a file of root',
    replacedBy((path) => {
      symlinkSync(`${path}.good`, path);
      lchownSync(path, STRANGER, 0);
    }),
    'WRONG SYMLINK OWNER',
  ],
  [
    'root’s link to a file of a stranger',
    replacedBy((path) => {
      symlinkSync(`${path}.good`, path);
      chownSync(path, STRANGER, 0);
    }),
    'WRONG FILE OWNER',
  ],
];
for (const [what, spoil, expected] of systemAsRoot) {
  test(`readTab() says ${expected} to ${what} in cron.d`, needsRoot, (t) => {
    const path = house(t).cronD('x', '');
    spoil(path);
    const reading = readTab(place(path, null), [0]);
    assert.equal(reading.ok ? 'ok' : reading.event, expected);
  });
}

test('readTab() refuses a socket, and says why', async (t) => {
  const path = join(house(t).paths.spool, 'alice');
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  t.after(() => server.close());
  const reading = readTab(place(path, 'alice'), [UID]);
  assert.ok(!reading.ok);
  assert.equal(reading.event, "CAN'T OPEN");
  assert.match(reading.detail, /^crontabs\/alice: .*no such device/i);
});

test('readTab() names the limit a crontab exceeds', (t) => {
  const path = house(t).tab('alice', '');
  truncateSync(path, LOAD_LIMIT + 1);
  assert.deepEqual(readTab(place(path, 'alice'), [UID]), {
    ok: false,
    event: 'ERROR',
    detail:
      'crontabs/alice: crontab must not be longer than 16777216 bytes, this crontab file will be ignored',
  });
});

test('readTab() gives every byte as it is', (t) => {
  const path = house(t).tab('alice', '');
  writeFileSync(path, Buffer.from([0x23, 0xff, 0xc3, 0xa9, 0x00, 0x0a]));
  const reading = readTab(place(path, 'alice'), [UID]);
  assert.ok(reading.ok);
  assert.equal(reading.text, '#\xff\xc3\xa9\0\n');
});

test('parseTab() keeps the good lines and tells of the bad ones', () => {
  const text = 'A=1\n61 * * * * no\n@daily yes\n';
  const { entries, problems, user } = parseTab(place('/x', 'alice'), text, 'box');
  assert.deepEqual([user, entries.map(({ command }) => command)], ['alice', ['yes']]);
  assert.deepEqual(
    problems.map(({ line, column, reason }) => [line, column, reason]),
    [[2, 1, 'bad minute']],
  );
});

test('parseTab() reads the user column in a system crontab only', () => {
  const line = '* * * * * alice true\n';
  assert.equal(parseTab(place('/x', null), line, 'box').entries[0]?.command, 'true');
  assert.equal(parseTab(place('/x', 'alice'), line, 'box').entries[0]?.command, 'alice true');
});

test('parseTab() draws `~` by the host: another host, another minute', () => {
  const lines = '0~59 0~23 * * * a\n'.repeat(5);
  const draws = ['one', 'two'].map((host) =>
    JSON.stringify(parseTab(place('/x', 'alice'), lines, host).entries),
  );
  assert.notEqual(draws[0], draws[1]);
});

test('logProblems() words a bad line as Debian does, with line, column and cause', () => {
  const lines: string[] = [];
  const where = place('/etc/cron.d/x', null);
  const { problems } = parseTab(where, '\n 61 * * * * root a\n*/90 * * * * root b\n', 'box');
  logProblems(
    (who, event, detail, how) => lines.push(`${how?.level} (${who}) ${event} (${detail})`),
    where,
    problems,
  );
  assert.equal(lines.length, 2);
  assert.match(
    lines[0] ?? '',
    /^error \(\*system\*x\) ERROR \(bad minute; while reading \/etc\/cron\.d\/x:2:2: .*61/,
  );
  assert.match(
    lines[1] ?? '',
    /^info \(\*system\*x\) WARNING \(bad minute; while reading \/etc\/cron\.d\/x:3:\d+: .*step/,
  );
});

test('logProblems() does not let one tab flood the log', () => {
  const lines: string[] = [];
  const where = place('/x', 'alice');
  const { problems } = parseTab(where, 'nonsense\n'.repeat(1234), 'box');
  logProblems((_who, _event, detail) => lines.push(detail), where, problems);
  assert.equal(lines.length, 101);
  assert.equal(lines.at(-1), '1134 more; while reading crontabs/alice');
});

/** Move the good file aside, to `.good`, and put something else in its place. */
function replacedBy(make: (path: string) => void): (path: string) => void {
  return (path) => {
    renameSync(path, `${path}.good`);
    make(path);
  };
}
