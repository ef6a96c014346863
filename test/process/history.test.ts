/** The history has each run once, whatever was killed meanwhile. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Historian } from '../../src/history/historian.ts';
import type { RunRecord } from '../../src/system/record.ts';
import { kill, openSandbox, type Sandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

/** Lines of a file that jobs write. */
function noted(sandbox: Sandbox, name: string): string[] {
  const file = sandbox.path(name);
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
}

/** All runs that the history has, or is going to have. */
function history(sandbox: Sandbox): readonly RunRecord[] {
  const records = sandbox.path('state', 'record');
  const terms = { age: 86_400_000, size: 100_000_000 };
  const file = sandbox.path('state', 'history.db');
  const historian = new Historian({ file, records, terms, check: true });
  const names = readdirSync(records).filter((name) => name.endsWith('.records'));
  historian.answer({ ask: 'fold', names });
  const query = { user: null, limit: 10_000 };
  return historian.answer({ ask: 'list', query }).runs ?? [];
}

const KINDS = [
  'true',
  'echo short',
  'exit 3',
  'yes | head -c 200000',
  'for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.1; done',
  'sleep 0.3; kill -9 $$',
];

/** A job that notes its start and its end; its name is the last word of its line. */
function line(sandbox: Sandbox, name: string, kind: number): string {
  const [starts, ends] = [sandbox.path('starts'), sandbox.path('ends')];
  const work = `trap 'echo ${name} >> ${ends}' EXIT; ${KINDS[kind % KINDS.length]}`;
  return `@reboot echo ${name} >> ${starts}; ${work}; : ${name}\n`;
}

/** Kill the scheduler, its runner or both at random moments, a few jobs each time. */
async function killAround(sandbox: Sandbox, rounds: number): Promise<string[]> {
  const names: string[] = [];
  let table = '';
  for (let round = 0; round < rounds; round++) {
    for (let n = 0; n < 4; n++) {
      const name = `job-${round}-${n}`;
      names.push(name);
      table += line(sandbox, name, round + n);
    }
    sandbox.tab(table);
    rmSync(sandbox.path('crond.reboot'), { force: true });
    const daemon = round % 2 === 0 ? await sandbox.start() : sandbox.launch();
    await pause(Math.random() * (round % 2 === 0 ? 500 : 1200));
    if (round % 3 !== 0) for (const { pid } of sandbox.runners()) kill(pid);
    if (round % 3 === 2) await pause(Math.random() * 400);
    daemon.kill('SIGKILL');
    await daemon.ended;
  }
  return names;
}

for (const number of [1, 2, 3])
  test(`history is exact after kills at random moments, ${number} of 3`, async (t) => {
    const sandbox = openSandbox(t, { history: { output: 1000 } });
    const names = await killAround(sandbox, 9);
    rmSync(sandbox.path('crond.reboot'), { force: true });
    const last = await sandbox.start();
    const evidence = (): string => sandbox.evidence();
    const nameOf = ({ command }: RunRecord): string => command.split(' ').at(-1) ?? '';
    const all = (): boolean => {
      const known = new Set(history(sandbox).map(nameOf));
      return names.every((name) => known.has(name));
    };
    await until('every run is in the history', all, { limit: 60_000, evidence });
    last.kill('SIGTERM');
    await last.ended;
    await sandbox.isTidy();

    const runs = history(sandbox);
    assert.deepEqual(runs.map(nameOf).toSorted(), names.toSorted(), 'each is there once');
    const [starts, ends] = [noted(sandbox, 'starts'), noted(sandbox, 'ends')];
    assert.equal(new Set(starts).size, starts.length, 'none was started twice');
    for (const run of runs) {
      const [name, what] = [nameOf(run), JSON.stringify(run)];
      if (run.outcome === 'succeeded') assert.ok(ends.includes(name), what);
      if (run.outcome !== 'unknown') assert.ok(starts.includes(name), what);
      assert.ok(['succeeded', 'failed', 'unknown'].includes(run.outcome), what);
      assert.ok(run.started !== null, what);
    }
    assert.ok(runs.some(({ outcome }) => outcome === 'succeeded'));
  });
