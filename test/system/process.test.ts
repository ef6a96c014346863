/** What /proc tells of processes: a stranger who has got an old pid is never signalled. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, copyFileSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { dup2 } from '../../src/system/libc/descriptors.ts';
import {
  bootId,
  isRunning,
  sealDescriptors,
  signalProcess,
  startTime,
} from '../../src/system/process.ts';
import { until } from '../support/wait.ts';

test('startTime() is the same each time, and null for nobody', () => {
  const own = startTime(process.pid);
  assert.ok(own !== null && own > 0);
  assert.equal(startTime(process.pid), own);
  assert.equal(startTime(2 ** 22 + 1), null);
});

test('startTime() is not led astray by the name of a program', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'process-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const program = join(folder, 'a) R 1 (b');
  copyFileSync('/bin/sleep', program);
  const child = spawn(program, ['600']);
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  const started = startTime(child.pid ?? 0);
  const own = startTime(process.pid);
  assert.ok(started !== null && own !== null && started >= own);
});

test('signalProcess() signals the process that it means, and no other of that pid', async (t) => {
  const child = spawn('/bin/sleep', ['600']);
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  const started = startTime(pid) ?? 0;
  assert.equal(signalProcess(pid, started + 1, 'SIGKILL'), false);
  assert.equal(startTime(pid), started);
  const ended = once(child, 'exit');
  assert.equal(signalProcess(pid, started, 'SIGTERM'), true);
  assert.deepEqual(await ended, [null, 'SIGTERM']);
  assert.equal(signalProcess(pid, started, 'SIGTERM'), false);
});

test('isRunning() takes nobody for running who has ended, waited for or not', async (t) => {
  assert.equal(isRunning(process.pid), true);
  const shell = spawn('/bin/sh', ['-c', 'sleep 0 & echo $!; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => shell.kill('SIGKILL'));
  const [line]: Buffer[] = await once(shell.stdout, 'data');
  const zombie = Number(line);
  await until('it has ended', () => !isRunning(zombie));
  assert.notEqual(startTime(zombie), null);
  shell.kill('SIGKILL');
  await once(shell, 'close');
  assert.equal(isRunning(shell.pid ?? 0), false);
});

test('bootId() names this boot', () => {
  assert.match(bootId(), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.equal(bootId(), bootId());
});

test('sealDescriptors() keeps what was inherited from programs, wherever it is', async () => {
  const fd = openSync('/dev/null', 'r');
  for (const to of [20, 40, 77]) dup2(fd, to);
  sealDescriptors();
  const child = spawn('/bin/ls', ['/proc/self/fd'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (data: Buffer) => (said += data.toString()));
  await once(child, 'close');
  for (const to of [20, 40, 77, fd]) closeSync(to);
  assert.equal(said, '0\n1\n2\n3\n'); // the last is the listing
});
