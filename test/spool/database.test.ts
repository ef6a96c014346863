import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { parseCrontab } from '../../src/core/crontab.ts';
import type { Database, ParsedTable } from '../../src/spool/database.ts';
import { markOf } from '../../src/system/mark.ts';
import { forbidden, house, UID } from './house.ts';
import { errorOf, instead } from '../support/builtins.ts';
import { needsRoot } from '../support/sandbox.ts';

/** The commands in force, each with its tab: `alice:true *system*:run-parts`. */
function commands({ tabs }: Database): string {
  return tabs
    .flatMap(({ label, entries }) => Array.from(entries, ({ command }) => `${label}:${command}`))
    .join(' ');
}

test('refresh() loads every crontab, in the order in which they run', needsRoot, async (t) => {
  const home = house(t);
  home.tab('bob', '* * * * * b\n');
  home.tab('alice', '@daily a1\n@daily a2\n');
  home.cronD('two', '@hourly alice d2\n');
  home.cronD('One', '@hourly bob d1\n');
  writeFileSync(home.paths.system_crontab, '@daily alice s\n');
  const database = home.open();
  assert.deepEqual(database.tabs, []);
  await database.refresh();
  const expected = '*system*:s *system*One:d1 *system*two:d2 alice:a1 alice:a2 bob:b';
  assert.equal(commands(database), expected);
  assert.deepEqual(home.lines(), []);
});

test('refresh() keeps the very tab that has not changed', async (t) => {
  const home = house(t);
  home.tab('alice', '* * * * * a\n');
  const database = home.open();
  await database.refresh();
  const before = database.tabs.at(-1);
  await database.refresh();
  assert.ok(before);
  assert.equal(database.tabs.at(-1), before);
  assert.deepEqual(home.lines(), []);
});

test('refresh() logs RELOAD for a known tab that changed, not for a new one', async (t) => {
  const home = house(t);
  home.tab('alice', '* * * * * old\n');
  const database = home.open();
  await database.refresh();
  home.tab('alice', '* * * * * newer\n');
  home.tab('bob', '* * * * * b\n');
  await database.refresh();
  assert.equal(commands(database), 'alice:newer bob:b');
  assert.deepEqual(home.lines(), ['(alice) RELOAD (crontabs/alice)']);
});

test('refresh() sees a change in place of same size, mtime set back', async (t) => {
  const home = house(t);
  const path = home.tab('alice', '* * * * * one\n');
  const { atime, mtime } = statSync(path);
  const database = home.open();
  for (const word of ['two', 'six', 'ten']) {
    await database.refresh();
    writeFileSync(path, `* * * * * ${word}\n`); // mostly in one tick of the kernel's clock
    utimesSync(path, atime, mtime);
    await database.refresh();
    assert.equal(commands(database), `alice:${word}`);
  }
});

test('refresh() of some looks at what came or went, and at the others in turn', async (t) => {
  const home = house(t);
  const names = Array.from({ length: 150 }, (_, n) => `user${100 + n}`);
  for (const name of names) {
    home.people.set(name, UID);
    home.tab(name, '* * * * * old\n');
  }
  const database = home.open();
  await database.refresh();
  await pause(2100); // until they are no longer young
  await database.refresh();
  const news = (): string[] =>
    commands(database)
      .split(' ')
      .filter((each) => !each.endsWith(':old'));
  const last = home.tab('user249', '* * * * * new\n'); // in its place: the directory is the same
  await database.refresh('some');
  assert.deepEqual(news(), []);
  await database.refresh('some');
  assert.deepEqual(news(), ['user249:new']);
  // A new one of that name, and one that is gone, change the directory.
  renameSync(home.tab('tmp.x', '* * * * * newer\n'), last);
  rmSync(home.tab('user100', ''));
  await database.refresh('some');
  assert.deepEqual(news(), ['user249:newer']);
  assert.ok(!database.tabs.some(({ label }) => label === 'user100'));
  // A hint that comes before the look makes it one at all of them.
  await pause(2100);
  await database.refresh();
  home.tab('user248', '* * * * * hinted\n');
  home.tab('user101', '* * * * * hinted\n');
  database.suspect();
  await database.refresh('some');
  assert.deepEqual(news(), ['user101:hinted', 'user248:hinted', 'user249:newer']);
  // Whoever asks for all of them while a look at some waits gets it.
  await pause(2100);
  await database.refresh();
  for (const name of ['user101', 'user248']) home.tab(name, '* * * * * both\n');
  await Promise.all([database.refresh('some'), database.refresh()]);
  assert.deepEqual(news(), ['user101:both', 'user248:both', 'user249:newer']);
});

test('refresh() sees a change that leaves the same mark, within one tick of the kernel', async (t) => {
  const home = house(t);
  for (let attempt = 0; attempt < 100; attempt++) {
    const path = home.tab('alice', '* * * * * one\n');
    const mark = markOf(path)?.text;
    const database = home.open();
    await database.refresh();
    writeFileSync(path, '* * * * * two\n');
    const collides = markOf(path)?.text === mark;
    await database.refresh();
    assert.equal(commands(database), 'alice:two');
    if (collides) return;
    rmSync(path);
  }
  t.diagnostic('no two writes fell into one tick');
});

test('refresh() logs RELOAD for a tab that was only touched, as vixie does', async (t) => {
  const home = house(t);
  const path = home.tab('alice', '* * * * * a\n');
  const database = home.open();
  await database.refresh();
  utimesSync(path, 1, 1);
  await database.refresh();
  assert.deepEqual(home.lines(), ['(alice) RELOAD (crontabs/alice)']);
});

test('refresh() says nothing when a young tab turns out to be the same', async (t) => {
  const home = house(t);
  home.tab('alice', '61 * * * * bad\n');
  const database = home.open();
  await database.refresh();
  assert.equal(home.lines().length, 1);
  await database.refresh();
  await database.refresh();
  assert.deepEqual(home.lines(), []);
});

test('refresh() sees a tab replaced by rename, whatever its times', async (t) => {
  const home = house(t);
  const path = home.tab('alice', '* * * * * one\n');
  utimesSync(path, 1, 1);
  const database = home.open();
  await database.refresh();
  const other = home.tab('tmp.x', '* * * * * two\n');
  utimesSync(other, 1, 1);
  renameSync(other, path);
  await database.refresh();
  assert.equal(commands(database), 'alice:two');
});

test('refresh() drops a tab that is removed, without a word, as vixie does', async (t) => {
  const home = house(t);
  const path = home.tab('alice', '* * * * * a\n');
  const database = home.open();
  await database.refresh();
  rmSync(path);
  await database.refresh();
  assert.deepEqual([commands(database), home.lines()], ['', []]);
});

test('refresh() drops a tab whose mode goes bad, says so once, and notices the repair', async (t) => {
  const home = house(t);
  const path = home.tab('alice', '* * * * * a\n');
  const database = home.open();
  await database.refresh();
  chmodSync(path, 0o644);
  await database.refresh();
  await database.refresh();
  assert.equal(commands(database), '');
  assert.deepEqual(home.lines(), ['(alice) INSECURE MODE (mode 0600 expected) (crontabs/alice)']);
  chmodSync(path, 0o600);
  await database.refresh();
  assert.equal(commands(database), 'alice:a');
  assert.deepEqual(home.lines(), ['(alice) RELOAD (crontabs/alice)']);
});

test('refresh() notices a repaired owner', needsRoot, async (t) => {
  const home = house(t);
  const path = home.tab('alice', '* * * * * a\n');
  home.people.set('alice', 54321);
  chownSync(path, 54322, 0);
  const database = home.open();
  await database.refresh();
  assert.deepEqual(home.lines(), ['(alice) WRONG FILE OWNER (crontabs/alice)']);
  chownSync(path, 54321, 0);
  await database.refresh();
  assert.equal(commands(database), 'alice:a');
});

test('refresh() passes over a FIFO at once, and over it alone', async (t) => {
  const home = house(t);
  execFileSync('mkfifo', ['-m', '600', join(home.paths.spool, 'alice')]);
  home.tab('bob', '* * * * * b\n');
  const database = home.open();
  await database.refresh();
  assert.equal(commands(database), 'bob:b');
  assert.deepEqual(home.lines(), ['(alice) NOT A REGULAR FILE (crontabs/alice)']);
});

test('refresh() logs an orphan once a change, and takes its tab when the user comes', async (t) => {
  const home = house(t);
  home.tab('carol', '* * * * * c\n');
  const database = home.open();
  await database.refresh();
  await database.refresh();
  assert.deepEqual(home.lines(), ['(carol) ORPHAN (no passwd entry)']);
  home.tab('carol', '* * * * * cc\n');
  await database.refresh();
  assert.deepEqual(home.lines(), ['(carol) ORPHAN (no passwd entry)']);
  home.people.set('carol', UID);
  await database.refresh();
  assert.deepEqual([commands(database), home.lines()], ['carol:cc', []]);
});

test('refresh() does not take a temporary or hidden file for an orphan', async (t) => {
  const home = house(t);
  home.tab('tmp.Ab12Cd', '* * * * * x\n');
  home.tab('.swp', '* * * * * x\n');
  const database = home.open();
  await database.refresh();
  assert.deepEqual([commands(database), home.lines()], ['', []]);
});

test('refresh() does not wait for a user database that hangs, and takes its late answer', async (t) => {
  const home = house(t);
  home.tab('bob', '* * * * * b\n');
  const database = home.open();
  await database.refresh();
  let answer = (_uid: number): void => {};
  home.people.set('carol', new Promise((resolve) => (answer = resolve)));
  home.tab('carol', '* * * * * c\n');
  home.tab('bob', '* * * * * bb\n');
  const start = performance.now();
  await database.refresh();
  assert.ok(performance.now() - start < 2000);
  assert.equal(commands(database), 'bob:bb');
  assert.match(home.lines().join(), /\(carol\) ERROR \(crontabs\/carol: .*slow to answer\)/);
  answer(UID);
  await database.refresh();
  assert.equal(commands(database), 'bob:bb carol:c');
  assert.deepEqual(home.lines(), []);
});

test('refresh() keeps a tab in force while its changed file waits for the user database', async (t) => {
  const home = house(t);
  home.tab('alice', '* * * * * old\n');
  const database = home.open();
  await database.refresh();
  home.people.set('alice', new Error('LDAP is down'));
  home.tab('alice', '* * * * * newer\n');
  await database.refresh();
  assert.equal(commands(database), 'alice:old');
  home.people.set('alice', UID);
  await database.refresh();
  assert.equal(commands(database), 'alice:newer');
});

test('refresh() logs a missing spool once, then takes it when it comes', async (t) => {
  const home = house(t);
  rmSync(home.paths.spool, { recursive: true });
  const database = home.open();
  await database.refresh();
  await database.refresh();
  const line = `(CRON) OPENDIR FAILED (${home.paths.spool}: no such file or directory)`;
  assert.deepEqual(home.lines(), [line]);
  mkdirSync(home.paths.spool);
  home.tab('alice', '* * * * * a\n');
  await database.refresh();
  assert.deepEqual([commands(database), home.lines()], ['alice:a', []]);
  rmSync(home.paths.spool, { recursive: true });
  await database.refresh();
  assert.deepEqual([commands(database), home.lines()], ['', [line]]);
});

test('refresh() logs a missing cron.d once, and a missing /etc/crontab not at all', async (t) => {
  const home = house(t);
  rmSync(home.paths.system_crontab);
  rmSync(home.paths.cron_d, { recursive: true });
  home.tab('alice', '* * * * * a\n');
  const database = home.open();
  await database.refresh();
  await database.refresh();
  const events = home.lines().map((line) => line.replace(/ \(\/.*/, ''));
  assert.deepEqual(events, ['(CRON) OPENDIR FAILED']);
  assert.equal(commands(database), 'alice:a');
});

test('refresh() keeps the tabs of a spool that cannot be listed for a while', async (t) => {
  const home = house(t);
  home.tab('alice', '* * * * * a\n');
  const database = home.open();
  await database.refresh();
  await pause(2100); // until the tab is no longer young: it will not be opened again
  await database.refresh();
  await forbidden(home.paths.spool, 0o300, () => database.refresh());
  assert.equal(commands(database), 'alice:a');
  const line = `(CRON) OPENDIR FAILED (${home.paths.spool}: permission denied)`;
  assert.deepEqual(home.lines(), [line]);
});

test('refresh() tries again to list a spool that could not be listed', async (t) => {
  const home = house(t);
  home.tab('alice', '* * * * * a\n');
  const database = home.open();
  await database.refresh();
  home.tab('bob', '* * * * * b\n');
  await pause(2100); // until the directory is no longer young
  const full = instead(t, 'readdirSync', () => () => {
    throw errorOf('EMFILE');
  });
  await database.refresh();
  assert.equal(commands(database), 'alice:a');
  full.restore();
  await database.refresh('some');
  assert.equal(commands(database), 'alice:a bob:b');
});

test('refresh() takes names of the LSB with `-l`', needsRoot, async (t) => {
  const home = house(t);
  home.cronD('vendor.org-job', '* * * * * alice lsb\n');
  home.cronD('Debian_only', '* * * * * alice debian\n');
  const plain = home.open();
  const lsb = home.open({ lsb: true });
  await Promise.all([plain.refresh(), lsb.refresh()]);
  assert.equal(commands(plain), '*system*Debian_only:debian');
  assert.equal(commands(lsb), '*system*vendor.org-job:lsb');
});

test(
  'refresh() keeps system entries of unknown users, and logs them once a load',
  needsRoot,
  async (t) => {
    const home = house(t);
    home.cronD('x', '* * * * * carol c\n* * * * * alice a\n');
    const database = home.open();
    await database.refresh();
    await database.refresh();
    assert.equal(commands(database), '*system*x:c *system*x:a');
    assert.deepEqual(home.lines(), [
      `(*system*x) ERROR (bad username; while reading ${home.paths.cron_d}/x:1: ` +
        'user "carol" unknown, looked up again at each run)',
    ]);
  },
);

test(
  'refresh() notices that what a link of cron.d points at changed, or came',
  needsRoot,
  async (t) => {
    const home = house(t);
    const target = join(home.root, 'target');
    symlinkSync(target, join(home.paths.cron_d, 'x'));
    const database = home.open();
    await database.refresh();
    await database.refresh();
    const line = `(*system*x) CAN'T OPEN SYMLINK (${home.paths.cron_d}/x: no such file or directory)`;
    assert.deepEqual(home.lines(), [line]);
    writeFileSync(target, '* * * * * alice one\n');
    await database.refresh();
    assert.equal(commands(database), '*system*x:one');
    writeFileSync(target, '* * * * * alice two\n');
    await database.refresh();
    assert.equal(commands(database), '*system*x:two');
  },
);

test('refresh() of an ordinary user’s daemon takes that user’s tab and entries only', async (t) => {
  const home = house(t);
  home.tab('alice', '* * * * * a\n');
  home.tab('bob', '* * * * * b\n');
  home.cronD('x', '@daily alice mine\n@daily root not\n@daily bob nor\n');
  const database = home.open({ uid: UID === 0 ? 1 : UID, user: 'alice' });
  await database.refresh();
  assert.equal(commands(database), '*system*x:mine alice:a');
  assert.deepEqual(home.lines(), [
    "(*system*x) INFO (2 of 3 entries left out: only alice's run in this cron, which is not root's)",
  ]);
});

test('refresh() may be called while it runs', async (t) => {
  const home = house(t);
  home.tab('carol', '* * * * * c\n');
  const database = home.open();
  await Promise.all([database.refresh(), database.refresh(), database.refresh()]);
  assert.deepEqual(home.lines(), ['(carol) ORPHAN (no passwd entry)']);
});

test('refresh() that is asked for while another one waits is the same look at the disk', async (t) => {
  const home = house(t);
  const database = home.open();
  const first = database.refresh();
  assert.equal(database.refresh(), first);
  await first;
  home.tab('alice', '* * * * * a\n');
  const [second, third] = [database.refresh(), database.refresh()];
  assert.notEqual(second, first);
  assert.equal(third, second);
  await second;
  assert.equal(commands(database), 'alice:a');
});

test('refresh() that is asked for after a look began looks again', async (t) => {
  const home = house(t);
  let answer: (uid: number) => void = () => {};
  home.people.set('carol', new Promise((resolve) => (answer = resolve)));
  home.tab('carol', '* * * * * c\n');
  const database = home.open();
  const first = database.refresh();
  await pause(1); // it waits for carol by now
  home.tab('alice', '* * * * * a\n');
  const second = database.refresh();
  answer(UID);
  await first;
  assert.equal(commands(database), 'carol:c');
  await second;
  assert.equal(commands(database), 'alice:a carol:c');
});

test('reload() puts the tab of one user where it belongs, and looks at no other', async (t) => {
  const home = house(t);
  for (const name of ['carol', 'dave']) home.people.set(name, UID);
  if (UID === 0) home.cronD('x', '@daily root x\n');
  home.tab('bob', '* * * * * b\n');
  home.tab('dave', '* * * * * d\n');
  const database = home.open();
  await database.refresh();
  const system = UID === 0 ? '*system*x:x ' : '';
  home.tab('bob', '* * * * * changed\n');
  for (const [name, expected] of [
    ['carol', 'bob:b carol:c dave:d'],
    ['alice', 'alice:a bob:b carol:c dave:d'],
  ] as const) {
    home.tab(name, `* * * * * ${name[0]}\n`);
    assert.equal(await database.reload(name), null);
    assert.equal(commands(database), system + expected);
  }
  rmSync(home.tab('carol', ''));
  assert.equal(await database.reload('carol'), null);
  assert.equal(commands(database), `${system}alice:a bob:b dave:d`);
  home.lines();
  assert.equal(await database.reload('bob'), null);
  assert.equal(commands(database), `${system}alice:a bob:changed dave:d`);
  assert.deepEqual(home.lines(), ['(bob) RELOAD (crontabs/bob)']);
  const { tabs } = database;
  await database.refresh();
  assert.deepEqual(
    tabs.map((tab) => database.tabs.indexOf(tab)),
    tabs.map((_, at) => at),
  );
});

test('reload() tells why a tab is not in force', async (t) => {
  const home = house(t);
  home.people.delete('alice');
  home.tab('alice', '* * * * * a\n');
  home.tab('bob', '* * * * * b\n', 0o644);
  const database = home.open();
  assert.equal(await database.reload('alice'), 'ORPHAN (no passwd entry)');
  assert.match((await database.reload('bob')) ?? '', /^INSECURE MODE .*\(crontabs\/bob\)$/);
  assert.match((await database.reload('../bob')) ?? '', /has no crontab in this cron/);
  const own = home.open({ uid: UID === 0 ? 1 : UID, user: 'alice' });
  assert.match((await own.reload('bob')) ?? '', /has no crontab in this cron/);
  assert.deepEqual(database.tabs, []);
});

test('reload() takes what was parsed before, if the file holds that', async (t) => {
  const home = house(t);
  const database = home.open();
  const parsed = (text: string): ParsedTable => ({
    text,
    crontab: parseCrontab(text.replace('real', 'parsed'), {
      kind: 'user',
      owner: 'alice',
      seed: '',
    }),
  });
  home.tab('alice', '* * * * * real\n');
  await database.reload('alice', parsed('* * * * * real\n'));
  assert.equal(commands(database), 'alice:parsed');
  home.tab('alice', '* * * * * real, and another\n');
  await database.reload('alice', parsed('* * * * * real\n'));
  assert.equal(commands(database), 'alice:real, and another');
});

test('refresh() goes before all reloads that wait, and does their work', async (t) => {
  const home = house(t);
  const names = ['alice', 'bob', 'carol', 'dave'];
  for (const name of names) home.people.set(name, UID);
  const database = home.open();
  const done: string[] = [];
  for (const name of names) home.tab(name, `* * * * * ${name}\n`);
  const reloads = names.map((name) => database.reload(name).then(() => done.push(name)));
  const refresh = database.refresh().then(() => done.push('all'));
  await Promise.all([...reloads, refresh]);
  assert.deepEqual(done, ['alice', 'all', 'bob', 'carol', 'dave']); // the first one has begun
  assert.equal(commands(database), 'alice:alice bob:bob carol:carol dave:dave');
});

test('refresh() of a thousand unchanged tabs takes a few milliseconds', async (t) => {
  const home = house(t);
  const before = Date.now() / 1000 - 60;
  for (let number = 0; number < 1000; number++) {
    home.people.set(`user${number}`, UID);
    utimesSync(home.tab(`user${number}`, '* * * * * true\n'), before, before);
  }
  const database = home.open();
  await database.refresh();
  assert.equal(database.tabs.filter(({ user }) => user !== null).length, 1000);
  await pause(2100); // until the tabs are no longer young
  await database.refresh();
  const times: number[] = [];
  for (let turn = 0; turn < 5; turn++) {
    const start = performance.now();
    await database.refresh();
    times.push(performance.now() - start);
  }
  assert.ok(Math.min(...times) < 50, `took ${Math.min(...times)} ms`);
});
