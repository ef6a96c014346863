/** A job that is ready before its minute, in the real daemon: it runs if it is due then, once, whatever happens meanwhile. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { TEST_MARK } from '../../src/system/testclock.ts';
import { openSandbox, type Sandbox, type Started } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

const MINUTE = 60_000;
/** A full minute in which nothing special happens. */
const NOON = Date.parse('2026-11-10T12:00:00Z');

interface Stage {
  readonly sandbox: Sandbox;
  readonly set: (at: number) => void;
  readonly start: () => Promise<Started>;
  /** Processes that are held back, of all runners. */
  readonly held: () => number[];
  /** Minutes in which the job ran. */
  readonly ran: () => string[];
}

/** A daemon at half past, with a job of every minute, and the clock just before the next one. */
async function armed(t: TestContext): Promise<Stage & { readonly daemon: Started }> {
  const sandbox = openSandbox(t);
  const clock = sandbox.path('clock');
  const set = (at: number): void => writeFileSync(clock, `${at}`);
  set(NOON + MINUTE / 2);
  sandbox.configure({ test: { clock } });
  const file = sandbox.path('ran');
  sandbox.tab(`* * * * * echo ran >> ${file}\n`);
  const held = (): number[] => {
    const parents = sandbox.runners().map(({ pid }) => pid);
    if (parents.length === 0) return [];
    const table = execFileSync('ps', ['-e', '-o', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' });
    return table.split('\n').flatMap((line) => {
      const [pid, parent, state, ...args] = line.trim().split(/ +/);
      const isHeld = args.join(' ') === '/bin/sh /proc/self/fd/3' && !state?.startsWith('Z');
      return isHeld && parents.includes(Number(parent)) ? [Number(pid)] : [];
    });
  };
  const stage = {
    sandbox,
    set,
    start: () => sandbox.start([], { environment: { [TEST_MARK]: clock, TZ: 'UTC' } }),
    held,
    ran: () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []),
  };
  const daemon = await stage.start();
  set(NOON + MINUTE - 100);
  await until('the job is held back', () => held().length === 1, {
    evidence: () => sandbox.evidence(),
  });
  assert.deepEqual(stage.ran(), []);
  return { ...stage, daemon };
}

/** Let the minute after the next pass too: what ran twice would show. */
async function isOnce({ set, ran, sandbox }: Stage, before = 1): Promise<void> {
  await until('it has run', () => ran().length >= before, { evidence: () => sandbox.evidence() });
  set(NOON + 2 * MINUTE);
  await until('it has run again', () => ran().length > before, {
    evidence: () => sandbox.evidence(),
  });
  assert.equal(ran().length, before + 1);
}

test('cron lets an armed job go at its minute, in the process that waited', async (t) => {
  const stage = await armed(t);
  const [pid] = stage.held();
  stage.set(NOON + MINUTE);
  await isOnce(stage);
  await stage.sandbox.says(new RegExp(`CRON\\[${pid}\\]: .* CMD `));
});

test('cron ends an armed job whose entry is gone when its minute comes', async (t) => {
  const { sandbox, set, held, ran } = await armed(t);
  const removed = sandbox.spawn('crontab', ['-r'], {
    environment: { CRON_CONFIG: sandbox.config },
  });
  assert.equal((await removed.ended).status, 0);
  set(NOON + MINUTE);
  await until('it is held no more', () => held().length === 0);
  set(NOON + 2 * MINUTE);
  await sandbox.cronctl(['status']); // answered after what the minute brought
  assert.deepEqual(ran(), []);
});

test('cron runs what an entry says by its minute, and not what it said when it was armed', async (t) => {
  const stage = await armed(t);
  const other = stage.sandbox.path('other');
  stage.sandbox.tab(`* * * * * echo other >> ${other}\n`);
  stage.set(NOON + MINUTE);
  await stage.sandbox.file('other');
  assert.deepEqual(stage.ran(), []);
  await until('it is held no more', () => stage.held().length === 0);
});

test('cron arms nothing for a minute that the clock has left', async (t) => {
  const { set, held, ran, sandbox } = await armed(t);
  set(NOON - 10 * MINUTE);
  await until('it is held no more', () => held().length === 0);
  assert.deepEqual(ran(), []);
  set(NOON + MINUTE);
  await until('it has run', () => ran().length === 1, { evidence: () => sandbox.evidence() });
});

for (const [who, kill] of Object.entries({
  scheduler: ({ daemon }: { daemon: Started }) => daemon.kill('SIGKILL'),
  runner: ({ sandbox }: Stage) => {
    for (const { pid } of sandbox.runners()) process.kill(pid, 'SIGKILL');
  },
  'job itself': ({ held }: Stage) => {
    for (const pid of held()) process.kill(pid, 'SIGKILL');
  },
}))
  test(`cron runs an armed job once when the ${who} is killed before its minute`, async (t) => {
    const stage = await armed(t);
    const [pid = 0] = stage.held();
    kill(stage);
    await until(
      'its process has ended',
      () => !existsSync(`/proc/${pid}`) || !stage.held().includes(pid),
    );
    assert.deepEqual(stage.ran(), []);
    if (who === 'scheduler') await stage.start();
    stage.set(NOON + MINUTE);
    await isOnce(stage);
  });
