/** CRON_CATCHUP in the real daemon, after three hours and twenty minutes in which there was none. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseCrontab } from '../../src/core/crontab.ts';
import { identityOf } from '../../src/run/firing.ts';
import { me, openSandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

const MINUTE = 60_000;
const AWAY = 200;

const tab = `CRON_CATCHUP=once
0 * * * * echo once
CRON_CATCHUP=all
0 * * * * echo all
0 * * * * echo new
CRON_CATCHUP=skip
0 * * * * echo skip
* * * * * echo minute
`;

test('cron makes up what CRON_CATCHUP says, one after the other, and not before it has seen the entry', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.tab(tab);
  mkdirSync(sandbox.path('state', 'first-seen'), { recursive: true, mode: 0o700 });
  const now = Math.floor(Date.now() / MINUTE);
  const local = now - new Date().getTimezoneOffset();
  const ran = { '': { fixed: local - AWAY, wild: now - AWAY } };
  writeFileSync(
    sandbox.path('state', 'last-minute'),
    JSON.stringify({ lasts: ran, ran, stopped: null }),
  );
  // All but "echo new" were seen a day ago.
  const { entries } = parseCrontab(tab, { kind: 'user', owner: me, seed: '' });
  const seen = entries
    .filter(({ command }) => command !== 'echo new')
    .map((entry) => [identityOf(me, entry), { first: now - 1440, gone: null }]);
  writeFileSync(sandbox.path('state', 'first-seen', me), JSON.stringify(Object.fromEntries(seen)));

  const daemon = await sandbox.start();
  const bodies = (): string[] => sandbox.mails().map(({ body }) => body.trim());
  const minute = (): boolean => bodies().includes('minute');
  await until('the minute', minute, { limit: 70_000, evidence: () => sandbox.evidence() });
  // The hours between: three or four, as the minute hand stands, and perhaps this very minute.
  const reached = Math.floor(Date.now() / MINUTE);
  const hours = Math.floor(reached / 60) - Math.floor((now - AWAY) / 60);
  const isFullHour = reached % 60 === 0;
  const expected = ['once', ...Array.from({ length: hours }, () => 'all'), 'minute'];
  if (isFullHour) expected.push('new', 'skip');
  await until('all mails', () => bodies().length >= expected.length, {
    evidence: () => sandbox.evidence(),
  });
  assert.deepEqual(bodies().toSorted(), expected.toSorted());
  daemon.kill('SIGTERM');
  assert.equal((await daemon.ended).status, 0);
});
