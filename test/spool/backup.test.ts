import assert from 'node:assert/strict';
import { chownSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type Backups, openBackups } from '../../src/spool/backup.ts';
import { needsRoot } from '../support/sandbox.ts';
import { UID } from './house.ts';

const alice = { name: 'alice', uid: UID };
const START = Date.parse('2026-11-22T15:00:00Z');

/** Backups at a time of their own, which moves when it is told to. */
function open(t: TestContext): { backups: Backups; directory: string; clock: { now: number } } {
  const root = mkdtempSync(join(tmpdir(), 'backup-'));
  t.after(() => rmSync(root, { recursive: true }));
  const directory = join(root, 'backup');
  const clock = { now: START };
  return { backups: openBackups(directory, () => clock.now), directory, clock };
}

async function tables(backups: Backups, user = alice): Promise<string[]> {
  const found = await Promise.all(
    (await backups.list(user)).map(({ number }) => backups.read(user, number)),
  );
  return found.map(String);
}

test('keep() keeps tables, the newest first, and list() tells when and how long', async (t) => {
  const { backups, clock } = open(t);
  assert.deepEqual(await backups.list(alice), []);
  await backups.keep(alice, Buffer.from('one\n'));
  clock.now += 60_000;
  await backups.keep(alice, Buffer.from('second\n'));
  assert.deepEqual(await backups.list(alice), [
    { number: 1, at: START + 60_000, size: 7 },
    { number: 2, at: START, size: 4 },
  ]);
  assert.deepEqual(await tables(backups), ['second\n', 'one\n']);
});

test('keep() keeps no table twice in a row', async (t) => {
  const { backups, clock } = open(t);
  for (const table of ['a', 'a', 'b', 'a', 'a']) {
    await backups.keep(alice, Buffer.from(table));
    clock.now += 1;
  }
  assert.deepEqual(await tables(backups), ['a', 'b', 'a']);
});

test('keep() keeps the last ten, also where the clock stands still or goes back', async (t) => {
  const { backups, clock, directory } = open(t);
  for (let number = 1; number <= 25; number++) {
    if (number === 12) clock.now -= 3_600_000;
    await backups.keep(alice, Buffer.from(`${number}`));
  }
  assert.deepEqual(await tables(backups), '25 24 23 22 21 20 19 18 17 16'.split(' '));
  assert.equal(readdirSync(join(directory, 'alice')).length, 10);
});

test('keep() lets nobody else read', async (t) => {
  const { backups, directory } = open(t);
  await backups.keep(alice, Buffer.from('secret'));
  const folder = join(directory, 'alice');
  assert.equal(statSync(folder).mode & 0o7777, 0o700);
  for (const name of readdirSync(folder))
    assert.equal(statSync(join(folder, name)).mode & 0o7777, 0o600);
});

test('keep() replaces the draft that a crash has left, and nobody takes that for a table', async (t) => {
  const { backups, directory } = open(t);
  await backups.keep(alice, Buffer.from('one'));
  writeFileSync(join(directory, 'alice', 'new'), 'half of a ta');
  assert.deepEqual(await tables(backups), ['one']);
  await backups.keep(alice, Buffer.from('two'));
  assert.deepEqual(await tables(backups), ['two', 'one']);
});

test('list() shows nobody the tables of one who had the name before', needsRoot, async (t) => {
  const { backups, directory } = open(t);
  await backups.keep(alice, Buffer.from('old'));
  for (const name of readdirSync(join(directory, 'alice')))
    chownSync(join(directory, 'alice', name), 54321, 54321);
  await backups.keep(alice, Buffer.from('new'));
  assert.deepEqual(await tables(backups), ['new']);
  assert.deepEqual(await tables(backups, { name: 'alice', uid: 54321 }), ['old']);
  assert.equal(await backups.read(alice, 2), null);
});

test('read() finds nothing under numbers that there are not', async (t) => {
  const { backups } = open(t);
  await backups.keep(alice, Buffer.from('one'));
  for (const number of [0, 2, -1, 1.5, Number.NaN, 2 ** 53])
    assert.equal(await backups.read(alice, number), null);
});

for (const name of ['..', '../alice', '.alice', '', 'a\nb'])
  test(`no tables are kept for ${JSON.stringify(name)}`, async (t) => {
    const { backups } = open(t);
    const nobody = { name, uid: UID };
    await assert.rejects(backups.keep(nobody, Buffer.from('x')), /cannot be the name/);
    await assert.rejects(backups.list(nobody), /cannot be the name/);
    await assert.rejects(backups.read(nobody, 1), /cannot be the name/);
  });
