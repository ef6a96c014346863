/** Daemon and clients that are killed while tables are installed. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { test } from 'node:test';
import { crash } from '../support/crash.ts';
import { isRoot, openSandbox } from '../support/sandbox.ts';

/** Users whom every Linux has; an ordinary user has a crontab alone. */
const users = isRoot
  ? [
      { name: 'root', uid: 0 },
      { name: 'daemon', uid: 1 },
      { name: 'bin', uid: 2 },
    ]
  : [{ name: userInfo().username, uid: userInfo().uid }];

test('a table is the old or the new one, whole, whenever the daemon or a client is killed', async (t) => {
  const sandbox = openSandbox(t);
  const { kills, installs } = await crash(sandbox, { users, installs: 150, life: 400 });
  assert.ok(kills > 0 && installs >= 150);
  const backups = sandbox.path('state', 'backup');
  assert.ok(existsSync(backups));
  for (const { name } of users) {
    const kept = readdirSync(sandbox.path('state', 'backup', name));
    assert.ok(kept.filter((file) => file !== 'new').length <= 11); // one too many where a kill was
  }
});
