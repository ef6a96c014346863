/** The runner's side of a PAM session: what is said of a holder that hangs, dies or fails. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pamHold } from '../../src/run/hold.ts';
import { UNTOLD } from '../../src/system/program.ts';
import { self } from './started.ts';

const folder = mkdtempSync(join(tmpdir(), 'hold-'));
after(() => rmSync(folder, { recursive: true }));

const table: Record<string, readonly [program: string, why: string]> = {
  'hangs as PAM that did not answer': ['setInterval(() => {}, 1000)', 'PAM did not answer in 2 s'],
  'dies as that': ['process.exit(1)', 'the process that holds its PAM session died'],
  'fails by what it says': [
    'process.on("message", () => process.send({ word: "failed", why: "PAM: no" }))',
    'PAM: no',
  ],
  'says what it was not asked as that': [
    'process.on("message", () => process.send({ word: "started", pid: 1 }))',
    '"started" was said in place of "open"',
  ],
};
for (const [what, [program, message]] of Object.entries(table))
  test(`pamHold() tells of a holder that ${what}`, async () => {
    const file = join(folder, 'holder.cjs');
    writeFileSync(file, program);
    await assert.rejects(pamHold(file, 1024, 2000)(self), { message });
  });

test('pamHold() notices the end of a job whose holder was killed, and knows not how it was', async () => {
  const job = spawn('sleep', ['1000']);
  const file = join(folder, 'killed.cjs');
  writeFileSync(
    file,
    `process.on('message', ({ order }) => {
      if (order === 'open') return process.send({ word: 'open', environment: [], groups: [] });
      process.send({ word: 'started', pid: ${job.pid} }, () => process.kill(process.pid, 'SIGKILL'));
    });`,
  );
  const held = await pamHold(file, 1024, 10_000)(self);
  const { pid, ended } = await held.spawn('true', [], { stdin: 0, output: 1, note: 2 });
  assert.equal(pid, job.pid);
  let isOver = false;
  const over = ended.then((exit) => {
    isOver = true;
    return exit;
  });
  await new Promise((resolve) => setTimeout(resolve, 1500)); // longer than from look to look
  assert.equal(isOver, false);
  const reaped = once(job, 'exit');
  job.kill('SIGTERM');
  assert.deepEqual(await over, UNTOLD);
  await reaped;
});
