import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { type Load, readLoads } from '../../src/system/loads.ts';
import { until } from '../support/wait.ts';

test('readLoads() adds up the processes of a session, and those that ended', async (t) => {
  const burn = 'i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done';
  const script = `(${burn}); sleep 600 & exec sleep 600`;
  const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: 'ignore' });
  const pid = child.pid ?? 0;
  t.after(async () => {
    process.kill(-pid, 'SIGKILL');
    await once(child, 'exit');
  });
  const load = (): Load | undefined => readLoads(new Set([pid])).get(pid);
  await until('what it burnt is known', () => (load()?.busy ?? 0) >= 10);
  const { memory = 0 } = load() ?? {};
  assert.ok(memory > 100_000 && memory < 100_000_000, `${memory}`);
  assert.equal(readLoads(new Set([pid, 2 ** 30])).size, 1);
  assert.equal(readLoads(new Set()).size, 0);
});
