/** Outputs of which no journal knows: kept and told of, but not while a runner lives that may know of them. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { openSandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

test('cron keeps outputs of which no journal knows, and says so', async (t) => {
  const sandbox = openSandbox(t);
  const [stray, go] = [sandbox.path('state', 'output', 'stray'), sandbox.path('go')];
  sandbox.tab(`@reboot echo known; while ! test -e ${go}; do sleep 0.1; done\n`);
  const first = await sandbox.start();
  await sandbox.says(/ CMD /);
  first.kill('SIGTERM');
  await first.ended;
  mkdirSync(sandbox.path('state', 'output'), { recursive: true });
  writeFileSync(stray, 'output of somebody\n');
  const second = await sandbox.start();
  assert.ok(existsSync(stray), 'the first runner may know of it');
  writeFileSync(go, '');
  const [mail] = await sandbox.mailed();
  assert.equal(mail?.body, 'known\n');
  second.kill('SIGTERM');
  await second.ended;
  await until('no runner lives', () => sandbox.runners().length === 0);
  await sandbox.start();
  const kept = sandbox.path('state', 'long', 'unknown-stray');
  await sandbox.says(
    /\(CRON\) LOST \(no journal knows of this output, it is kept: \S+unknown-stray\)/,
  );
  assert.equal(readFileSync(kept, 'utf8'), 'output of somebody\n');
  assert.equal(existsSync(stray), false);
});
