import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { spoolCrontabs } from '../../src/spool/store.ts';
import { Failure } from '../../src/system/failure.ts';
import { forbidden, house, UID } from './house.ts';
import { needsRoot } from '../support/sandbox.ts';

const alice = { name: 'alice', uid: UID };
const table = (text: string): Buffer => Buffer.from(text, 'latin1');

test('install() makes a tab of mode 0600, whatever the umask, and leaves nothing else', async (t) => {
  const { paths } = house(t);
  const umask = process.umask(0o777);
  t.after(() => process.umask(umask));
  assert.ok(await spoolCrontabs(paths.spool).install(alice, table('* * * * * \xe9\n')));
  process.umask(umask);
  const path = join(paths.spool, 'alice');
  assert.equal(readFileSync(path, 'latin1'), '* * * * * \xe9\n');
  const { mode, uid, nlink } = statSync(path);
  assert.deepEqual([mode & 0o7777, uid, nlink], [0o600, UID, 1]);
  assert.deepEqual(readdirSync(paths.spool), ['alice']);
});

test('install() gives the tab to its user', needsRoot, async (t) => {
  const { paths } = house(t);
  await spoolCrontabs(paths.spool).install({ name: 'alice', uid: 54321 }, table('#\n'));
  assert.equal(statSync(join(paths.spool, 'alice')).uid, 54321);
});

test('install() never shows half a table to a reader', async (t) => {
  const { paths } = house(t);
  const crontabs = spoolCrontabs(paths.spool);
  const tables = ['a', 'b'].map((letter) => table(`# ${letter.repeat(300_000)}\n`));
  await crontabs.install(alice, tables[0] ?? table(''));
  const seen = new Set<number>();
  for (let turn = 0; turn < 40; turn++) {
    const state = { writing: true };
    const install = crontabs.install(alice, tables[turn % 2] ?? table(''));
    const done = install.finally(() => (state.writing = false));
    while (state.writing) {
      const now = await crontabs.read(alice);
      seen.add(tables.findIndex((one) => now?.equals(one)));
      await Promise.race([done, new Promise(setImmediate)]);
    }
  }
  assert.ok(seen.size > 0 && !seen.has(-1), `saw ${[...seen].join()}`);
});

test('install() refuses when the table is no longer what was seen', async (t) => {
  const { paths } = house(t);
  const crontabs = spoolCrontabs(paths.spool);
  assert.equal(await crontabs.install(alice, table('1\n'), table('0\n')), false);
  assert.equal(await crontabs.read(alice), null);
  assert.equal(await crontabs.install(alice, table('1\n'), null), true);
  assert.equal(await crontabs.install(alice, table('2\n'), null), false);
  assert.equal(await crontabs.install(alice, table('2\n'), table('0\n')), false);
  assert.deepEqual(await crontabs.read(alice), table('1\n'));
  assert.equal(await crontabs.install(alice, table('2\n'), table('1\n')), true);
});

test('install() replaces a planted link or FIFO, and touches nothing behind it', async (t) => {
  const { root, paths } = house(t);
  const crontabs = spoolCrontabs(paths.spool);
  const path = join(paths.spool, 'alice');
  const victim = join(root, 'victim');
  writeFileSync(victim, 'precious', { mode: 0o640 });
  const before = statSync(victim);
  symlinkSync(victim, path);
  await crontabs.install(alice, table('1\n'));
  assert.ok(lstatSync(path).isFile());
  assert.equal(readFileSync(victim, 'utf8'), 'precious');
  assert.deepEqual(
    [statSync(victim).mode, statSync(victim).ctimeMs],
    [before.mode, before.ctimeMs],
  );
  rmSync(path);
  execFileSync('mkfifo', [path]);
  await crontabs.install(alice, table('2\n'));
  assert.deepEqual(await crontabs.read(alice), table('2\n'));
});

test('read() does not follow a link, nor wait for a FIFO', async (t) => {
  const { paths } = house(t);
  const path = join(paths.spool, 'alice');
  const crontabs = spoolCrontabs(paths.spool);
  symlinkSync('/etc/passwd', path);
  await assert.rejects(
    crontabs.read(alice),
    /Cannot read the crontab ".*alice": is a symbolic link/,
  );
  rmSync(path);
  execFileSync('mkfifo', [path]);
  await assert.rejects(crontabs.read(alice), /not a regular file/);
});

test('remove() removes, and says whether there was something', async (t) => {
  const { paths } = house(t);
  const crontabs = spoolCrontabs(paths.spool);
  await crontabs.install(alice, table('1\n'));
  assert.deepEqual([await crontabs.remove(alice), await crontabs.remove(alice)], [true, false]);
  assert.equal(await crontabs.read(alice), null);
});

for (const name of ['..', '../alice', '.alice', 'tmp.alice', '', 'a\nb']) {
  test(`no table is called ${JSON.stringify(name)}`, async (t) => {
    const { paths } = house(t);
    const crontabs = spoolCrontabs(join(paths.spool));
    const nobody = { name, uid: UID };
    for (const work of [
      () => crontabs.read(nobody),
      () => crontabs.install(nobody, table('')),
      () => crontabs.remove(nobody),
    ])
      await assert.rejects(async () => work(), /cannot be the name of a crontab/);
    assert.deepEqual(readdirSync(paths.spool), []);
  });
}

test('install() leaves the old table and no temporary file when it fails', async (t) => {
  const { paths } = house(t);
  mkdirSync(join(paths.spool, 'alice')); // rename(2) cannot replace it
  await assert.rejects(spoolCrontabs(paths.spool).install(alice, table('1\n')), Failure);
  assert.deepEqual(readdirSync(paths.spool), ['alice']);
});

test('install() says what to do when the spool is not there', async (t) => {
  const { root } = house(t);
  const install = spoolCrontabs(join(root, 'nowhere')).install(alice, table(''));
  await assert.rejects(install, /Cannot write the crontab ".*nowhere\/alice": no such file/);
});

test('install() says what to do when the spool is somebody else’s', async (t) => {
  const { paths } = house(t);
  await forbidden(paths.spool, 0o500, async () => {
    const install = spoolCrontabs(paths.spool).install(alice, table(''));
    await assert.rejects(install, /permission denied \(only root can; .*--config FILE\)/);
  });
});

test('read() shows nobody what cron would not run as theirs', needsRoot, async (t) => {
  const { root, paths } = house(t);
  const crontabs = spoolCrontabs(paths.spool);
  const path = join(paths.spool, 'alice');
  const [owner, stranger] = [{ name: 'alice', uid: 54321 }, 54322];
  writeFileSync(join(root, 'shadow'), 'secret\n', { mode: 0o600 });
  linkSync(join(root, 'shadow'), path);
  await assert.rejects(crontabs.read(owner), /alice": it has a second name \(hard link\)/);
  rmSync(path);
  writeFileSync(path, '@daily stranger\n', { mode: 0o600 });
  assert.deepEqual(await crontabs.read(owner), table('@daily stranger\n')); // root's hand
  chownSync(path, stranger, stranger);
  await assert.rejects(crontabs.read(owner), /alice": it belongs to uid 54322/);
  assert.ok(await crontabs.install(owner, table('@daily own\n')));
  assert.deepEqual(await crontabs.read(owner), table('@daily own\n'));
});
