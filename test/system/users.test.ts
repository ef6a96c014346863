/** Users: found with all their groups, remembered for a while, and never waited for for ever. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { systemNames, systemUsers } from '../../src/system/users.ts';

const id = (...args: readonly string[]): string =>
  spawnSync('id', args, { encoding: 'utf8' }).stdout.trim();

for (const name of ['root', 'daemon', 'nobody'])
  test(`systemUsers() finds ${name} as the system does`, async () => {
    const user = await systemUsers().find(name);
    assert.equal(user?.name, name);
    assert.equal(user?.uid, Number(id('-u', name)));
    assert.equal(user?.gid, Number(id('-g', name)));
    assert.deepEqual(new Set(user?.groups), new Set(id('-G', name).split(' ').map(Number)));
    const home = spawnSync('getent', ['passwd', name], { encoding: 'utf8' }).stdout.split(':')[5];
    assert.equal(user?.home, home);
  });

test('systemUsers() finds nobody where there is nobody', async () => {
  const users = systemUsers();
  for (const name of ['no-such-user', '', '0', 'root ', 'ROOT', 'a'.repeat(5000), 'r\xf6\xf6t'])
    assert.equal(await users.find(name), null, name);
});

test('systemUsers() remembers an answer, for as long as it is told', async () => {
  const users = systemUsers({ timeout: 10_000, keep: 50 });
  const first = await users.find('root');
  assert.equal(await users.find('root'), first);
  await new Promise((resolve) => setTimeout(resolve, 60));
  const second = await users.find('root');
  assert.notEqual(second, first);
  assert.deepEqual(second, first);
});

test('systemUsers() does not wait longer than it is told, and says for whom', async () => {
  const users = systemUsers({ timeout: 0, keep: 50 }, () => new Promise(() => {}));
  await assert.rejects(users.find('root'), {
    message: 'the user database did not answer for "root" in 0 s',
  });
});

test('systemUsers() asks once for many who ask at the same time', async () => {
  const users = systemUsers();
  const answers = await Promise.all(Array.from({ length: 50 }, () => users.find('root')));
  assert.ok(answers.every((answer) => answer === answers[0]));
});

test('systemUsers() asks once for a name whose answer does not come, and goes on with the last one', async () => {
  let asked = 0;
  const root = await systemUsers().find('root');
  const answers = [Promise.resolve(root), new Promise<null>(() => {})];
  const users = systemUsers(
    { timeout: 20, keep: 0 },
    () => answers[asked++] ?? Promise.resolve(null),
  );
  assert.equal(await users.find('root'), root);
  for (let minute = 0; minute < 5; minute++) assert.equal(await users.find('root'), root);
  assert.equal(asked, 2, 'each lookup holds a thread');
});

test('systemNames() finds the name of a uid, and nobody where there is nobody', async () => {
  const nameOf = systemNames();
  assert.equal(await nameOf(0), 'root');
  assert.equal(await nameOf(65534), id('-un', '65534'));
  assert.equal(await nameOf(4_000_000_123), null);
});

test('systemUsers() looks up 48 at the same time, and the others when there is room', async () => {
  const answers: (() => void)[] = [];
  const look = (): Promise<null> => new Promise((resolve) => answers.push(() => resolve(null)));
  const users = systemUsers({ timeout: 10_000, keep: 0 }, look);
  // Lookups of the tests above that never end have some of these places.
  const all = Array.from({ length: 60 }, (_, n) => users.find(`user${n}`));
  await new Promise((resolve) => setImmediate(resolve));
  const first = answers.length;
  assert.ok(first > 40 && first <= 48, `${first}`);
  for (let n = 0; n < 60; n++) {
    answers[n]?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(new Set(await Promise.all(all)), new Set([null]));
});
