/** The test clock: it shows what its file says, and moves no cron but one in a sandbox. */
import assert from 'node:assert/strict';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/system/clock.ts';
import { testClock } from '../../src/system/testclock.ts';
import { openSandbox, type Settings } from '../support/sandbox.ts';

test('testClock() shows what the file says, and the last that it said', (t) => {
  const file = openSandbox(t).path('clock');
  writeFileSync(file, '60000\n');
  const clock = testClock(file, systemClock());
  assert.equal(clock.now(), 60_000);
  writeFileSync(file, '');
  assert.equal(clock.now(), 60_000);
  writeFileSync(file, '180000');
  assert.equal(clock.now(), 180_000);
});

test('testClock() lets sleepers wake when it is time, when it is set back, and at an abort', async (t) => {
  const file = openSandbox(t).path('clock');
  const never = new AbortController().signal;
  writeFileSync(file, '60000');
  const clock = testClock(file, systemClock());
  let isAwake = false;
  const slept = clock.sleep(1000, never).then(() => (isAwake = true));
  writeFileSync(file, '60999');
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(isAwake, false);
  writeFileSync(file, '61000');
  await slept;
  const surprised = clock.sleep(1000, never);
  writeFileSync(file, '50000');
  await surprised;
  await clock.sleep(1000, AbortSignal.timeout(20));
});

/** What is configured, what the environment names, and why that is refused. */
const refusals: Record<string, { paths?: object; clock?: string; mark?: string; why: RegExp }> = {
  'without a mark': { mark: '', why: /CRON_TEST_CLOCK does not name it/ },
  'with the mark of another clock': { mark: '/tmp/clock', why: /does not name it/ },
  'with the spool of the system': {
    paths: { spool: '/var/spool/cron/crontabs' },
    why: /\[paths\] spool = "\/var\/spool\/cron\/crontabs" is not below its directory/,
  },
  'with a link to elsewhere': { paths: { state: 'ROOT/link/state' }, why: /\[paths\] state/ },
  'in the directory of the system': {
    clock: '/run/clock',
    paths: Object.fromEntries(
      'spool system_crontab cron_d allow deny run pidfile reboot state mailbox'
        .split(' ')
        .map((name) => [name, `/run/nothing/${name}`]),
    ),
    why: /its directory has to do with "\/run\//,
  },
  'that is not there': { clock: 'ROOT/none', why: /no such file/i },
};

for (const [what, { paths = {}, clock = 'ROOT/clock', mark, why }] of Object.entries(refusals))
  test(`cron refuses a test clock ${what}`, async (t) => {
    const sandbox = openSandbox(t);
    const here = (text: string): string => text.replaceAll('ROOT', sandbox.root);
    symlinkSync('/usr/share', sandbox.path('link'));
    writeFileSync(sandbox.path('clock'), '60000');
    const file = here(clock);
    const settings: Settings = {
      paths: Object.fromEntries(
        Object.entries(paths).map(([name, path]) => [name, here(String(path))]),
      ),
      test: { clock: file },
    };
    sandbox.configure(settings);
    const environment = { CRON_TEST_CLOCK: mark ?? file };
    const { status, stderr } = await sandbox.run(['-f'], { environment });
    assert.match(stderr, why);
    assert.equal(status, 78);
    assert.equal(sandbox.log(), '');
  });

test('cron runs by a test clock in a sandbox', async (t) => {
  const sandbox = openSandbox(t);
  const clock = sandbox.path('clock');
  writeFileSync(clock, `${Date.parse('2031-05-06T07:08:59.990Z')}`);
  sandbox.configure({ test: { clock } });
  sandbox.tab(`* * * * * echo ran >> ${join(sandbox.root, 'ran')}\n`);
  await sandbox.start([], { environment: { CRON_TEST_CLOCK: clock } });
  await sandbox.file('state/last-minute', '\n'); // it has looked at the clock
  writeFileSync(clock, `${Date.parse('2031-05-06T07:09:00.000Z')}`);
  assert.equal(await sandbox.file('ran', 'ran\n'), 'ran\n');
});
