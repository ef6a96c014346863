/** Starts that are left out: in the history, and told to the administrator's program. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { test, type TestContext } from 'node:test';
import type { RunInfo } from '../../src/control/answers.ts';
import { TEST_MARK } from '../../src/system/testclock.ts';
import { me, openSandbox, type Sandbox, type Started } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

const MINUTE = 60_000;
/** Tomorrow: the crontab is older than all that happens. */
const BEGIN = Math.floor(Date.now() / MINUTE) * MINUTE + 1440 * MINUTE;

interface Timed {
  readonly sandbox: Sandbox;
  /** Set the clock to so many minutes after the beginning. */
  readonly set: (minutes: number) => void;
  /** Start it, and wait until it has seen which minute it is. */
  readonly start: () => Promise<Started>;
}

/** A daemon whose clock the test sets, and whose hook writes what it is told into files. */
function timed(t: TestContext): Timed {
  const sandbox = openSandbox(t);
  const clock = sandbox.path('clock');
  const set = (minutes: number): void => {
    writeFileSync(`${clock}.new`, `${BEGIN + minutes * MINUTE}`);
    renameSync(`${clock}.new`, clock);
  };
  set(0);
  const hook = sandbox.path('hook');
  const told = sandbox.path('told');
  const facts = '$CRON_EVENT $CRON_OUTCOME $CRON_COMMAND';
  writeFileSync(hook, `#!/bin/sh\necho "${facts}" > ${told}.$$; mv ${told}.$$ ${told}.$$.whole\n`);
  chmodSync(hook, 0o755);
  sandbox.configure({
    test: { clock },
    hooks: { on_missed: hook, hook_user: me, per_minute: 100 },
  });
  const start = async (): Promise<Started> => {
    const daemon = await sandbox.start([], { environment: { [TEST_MARK]: clock } });
    const now = Number(readFileSync(clock, 'latin1')) / MINUTE;
    const kept = sandbox.path('state', 'last-minute');
    const isSeen = (): boolean =>
      existsSync(kept) && readFileSync(kept, 'latin1').includes(`${now}`);
    await until('it knows the minute', isSeen, { evidence: () => sandbox.evidence() });
    return daemon;
  };
  return { sandbox, set, start };
}

/** What the hook was told. */
function toldIn(sandbox: Sandbox): string[] {
  const names = readdirSync(sandbox.root).filter((name) => /^told\.\d+\.whole$/.test(name));
  return names.map((name) => readFileSync(sandbox.path(name), 'utf8').trim());
}

async function leftOutOf(sandbox: Sandbox): Promise<string[]> {
  const { stdout } = await sandbox.cronctl(['history', '--json', '-n', '10000']);
  const runs = stdout
    .split('\n')
    .slice(0, -1)
    .map((line): RunInfo => JSON.parse(line));
  return runs
    .filter(({ outcome }) => outcome === 'missed' || outcome === 'skipped')
    .map(({ outcome, command, scheduled, started, exit, ended }) => {
      assert.equal(exit, null);
      assert.equal(ended === null, outcome === 'missed');
      const minutes = (Date.parse(scheduled ?? '') - BEGIN) / MINUTE;
      if (outcome === 'missed') assert.equal(started, new Date(scheduled ?? '').toISOString());
      return `${outcome} ${command} ${minutes}`;
    });
}

async function leftOutIs(sandbox: Sandbox, expected: readonly string[]): Promise<void> {
  const look = async (): Promise<boolean> =>
    (await leftOutOf(sandbox)).toSorted().join() === expected.toSorted().join();
  await until(`left out: ${expected.join()}`, look, { evidence: () => sandbox.evidence() });
}

test('a job that is not started because one is running is skipped in the history', async (t) => {
  const { sandbox, set, start } = timed(t);
  const go = sandbox.path('go');
  sandbox.tab(`CRON_OVERLAP=skip\n* * * * * until [ -e ${go} ]; do sleep 0.1; done\n`);
  await start();
  set(1);
  await sandbox.says(/\) CMD \(until/);
  set(2);
  await sandbox.says(/still running, not started again: until/);
  const command = `until [ -e ${go} ]; do sleep 0.1; done`;
  await leftOutIs(sandbox, [`skipped ${command} 2`]);
  await until('the hook is told', () => toldIn(sandbox).length > 0);
  assert.deepEqual(toldIn(sandbox), [`missed skipped ${command}`]);
  writeFileSync(go, '');
});

test('what was due while the machine slept, or cron was not running, is missed in the history, once', async (t) => {
  const { sandbox, set, start } = timed(t);
  sandbox.tab('* * * * * : minutely\n@reboot : boot\nCRON_CATCHUP=once\n* * * * * : made up\n');
  const first = await start();
  set(1);
  await sandbox.says(/\) CMD \(: minutely\)/);
  set(600); // it slept
  await leftOutIs(sandbox, ['missed : minutely 599']);
  await sandbox.says(/\(CRON\) MISSED \(1 entry, while cron was not running or asleep/);

  first.kill('SIGTERM');
  await first.ended;
  set(700);
  const second = await start();
  set(701);
  await leftOutIs(sandbox, ['missed : minutely 599', 'missed : minutely 700']);
  set(10_000);
  const now = ['missed : minutely 599', 'missed : minutely 700', 'missed : minutely 9999'];
  await leftOutIs(sandbox, now);
  const told = (): boolean => toldIn(sandbox).length === 3;
  await until('the hook is told', told, { evidence: () => sandbox.evidence() });
  assert.ok(toldIn(sandbox).every((line) => line === 'missed missed : minutely'));
  second.kill('SIGKILL');
  await second.ended;
  set(10_001); // by which start() sees that this one has looked, too
  await start();
  set(1_000_000_000); // nineteen centuries
  await sandbox.says(/MISSED \(cron was away for more than a month, or the clock was set: /);
  await leftOutIs(sandbox, now);
});

test('of very many that are missed at once, a thousand are recorded', async (t) => {
  const { sandbox, set, start } = timed(t);
  sandbox.tab(Array.from({ length: 1500 }, (_, n) => `0 0 * * * : ${n}\n`).join(''));
  await start();
  set(3 * 1440);
  await sandbox.says(/MISSED \(1000 entries or more, /, 60_000);
  const look = async (): Promise<boolean> => (await leftOutOf(sandbox)).length === 1000;
  await until('a thousand are in the history', look, { evidence: () => sandbox.evidence() });
});
