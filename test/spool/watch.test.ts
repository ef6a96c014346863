import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { watch } from '../../src/spool/watch.ts';
import { house, type House } from './house.ts';

/** Watch a house, once the watch stands; `next` waits for a change to be told. */
async function watched(t: TestContext): Promise<{ home: House; next: () => Promise<unknown> }> {
  const home = house(t);
  home.tab('alice', '* * * * * a\n');
  const stop = new AbortController();
  t.after(() => stop.abort());
  const told = new EventEmitter();
  const { spool, cron_d: cronD, system_crontab: system } = home.paths;
  watch([spool, cronD, system], { onChange: () => told.emit('change') }, stop.signal);
  const next = (): Promise<unknown> => once(told, 'change', { signal: AbortSignal.timeout(5000) });
  // The package says "ready" before inotify is: a change that is told shows that it is.
  const probe = setInterval(() => home.cronD('probe', ''), 20);
  await next();
  clearInterval(probe);
  await pause(200);
  return { home, next };
}

const changes: Record<string, (home: House) => void> = {
  'a new tab': (home) => home.tab('bob', ''),
  'a tab changed in place': ({ paths }) => appendFileSync(join(paths.spool, 'alice'), '#\n'),
  'a tab replaced by rename': (home) =>
    renameSync(home.tab('tmp.x', ''), join(home.paths.spool, 'alice')),
  'a tab removed': ({ paths }) => rmSync(join(paths.spool, 'alice')),
  'another mode': ({ paths }) => chmodSync(join(paths.spool, 'alice'), 0o644),
  'a new file in cron.d': (home) => home.cronD('x', ''),
  'a change of /etc/crontab': ({ paths }) => appendFileSync(paths.system_crontab, '#\n'),
};
for (const [what, make] of Object.entries(changes)) {
  test(`watch() tells of ${what}`, async (t) => {
    const { home, next } = await watched(t);
    const change = next();
    make(home);
    await change; // or the time-out rejects
  });
}

test('watch() tells once of many changes at a time', async (t) => {
  const home = house(t);
  let told = 0;
  const stop = new AbortController();
  t.after(() => stop.abort());
  watch([home.paths.spool], { onChange: () => told++ }, stop.signal);
  await pause(300);
  for (let number = 0; number < 200; number++) home.tab(`user${number}`, '');
  await pause(500);
  assert.ok(told > 0 && told < 20, `told ${told} times`);
});

test('watch() puts up with directories that are not there', async (t) => {
  const { root } = house(t);
  const stop = new AbortController();
  t.after(() => stop.abort());
  watch([join(root, 'none/of/these'), join(root, 'nor-this')], { onChange: () => {} }, stop.signal);
  await pause(200);
  mkdirSync(join(root, 'nor-this'));
  await pause(100);
});

test('watch() is over with its signal, and never begins after it', async (t) => {
  const home = house(t);
  let told = 0;
  const stop = new AbortController();
  watch([home.paths.spool], { onChange: () => told++ }, stop.signal);
  await pause(200);
  stop.abort();
  watch([home.paths.spool], { onChange: () => told++ }, stop.signal);
  home.tab('alice', '');
  await pause(200);
  assert.equal(told, 0);
});
