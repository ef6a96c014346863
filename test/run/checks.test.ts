/** Checks of accounts: who is asked about where, and what a module that ends or hangs its process costs. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pamChecks } from '../../src/run/checks.ts';
import { isRunning } from '../../src/system/process.ts';
import { until } from '../support/wait.ts';

const folder = mkdtempSync(join(tmpdir(), 'checks-'));
after(() => rmSync(folder, { recursive: true }));

/** Does as the user's name says, and writes down who was asked about, with its pid; `slow` waits for a file. */
const program = join(folder, 'checker.cjs');
const asked = join(folder, 'asked');
const go = join(folder, 'go');
writeFileSync(
  program,
  `const { appendFileSync, existsSync } = require('node:fs');
process.on('disconnect', () => process.exit());
process.on('message', ({ number, user }) => {
  appendFileSync(${JSON.stringify(asked)}, user + ' ' + process.pid + '\\n');
  const answer = () => process.send({ number, status: 0, text: String(process.pid) });
  if (user.startsWith('crash')) process.kill(process.pid, 'SIGSEGV');
  else if (user.startsWith('exit')) process.exit(0);
  else if (user.startsWith('slow'))
    setInterval(function () { if (existsSync(${JSON.stringify(go)})) clearInterval(this), answer(); }, 5);
  else if (!user.startsWith('hang')) answer();
});`,
);

const TIMES = { hang: 60_000, pause: 60_000, idle: 60_000 };
/** Who was asked about since the last time, in order. */
function askedNow(): string[] {
  appendFileSync(asked, '');
  const lines = readFileSync(asked, 'utf8').trim().split('\n').filter(Boolean);
  writeFileSync(asked, '');
  return lines.map((line) => line.split(' ')[0] ?? '');
}

test('pamChecks() asks about all users in one process, which ends when it is idle', async () => {
  const check = pamChecks(program, { ...TIMES, idle: 50 });
  const pids = await Promise.all(['alice', 'bob'].map(async (user) => (await check(user)).text));
  assert.equal(pids[0], pids[1]);
  await until('it has ended', () => !isRunning(Number(pids[0])));
  assert.notEqual((await check('alice')).text, pids[0]);
  askedNow();
});

const deaths: Record<string, string> = {
  crash: 'the process that asked it died (SIGSEGV)',
  exit: 'the process that asked it died (exit status 0)',
};
for (const [user, message] of Object.entries(deaths))
  test(`pamChecks() finds out of whom a process died: ${user}`, async () => {
    const check = pamChecks(program, TIMES);
    const slow = ['slow1', 'slow2'].map((name) => check(name));
    const dying = check(user);
    await assert.rejects(dying, { message });
    writeFileSync(go, '');
    for (const { status } of await Promise.all(slow)) assert.equal(status, 0);
    rmSync(go);
    assert.deepEqual(askedNow().toSorted(), [user, user, 'slow1', 'slow1', 'slow2', 'slow2']);
    // From now on nobody is in danger, and for a while not even a process is started.
    const { text: pid } = await check('alice');
    await assert.rejects(check(user), { message });
    assert.equal((await check('bob')).text, pid);
    assert.deepEqual(askedNow(), ['alice', 'bob']);
  });

test('pamChecks() asks apart about who has ended a process, when a while has passed', async () => {
  const check = pamChecks(program, { ...TIMES, pause: 0 });
  const { text: pid } = await check('alice');
  await assert.rejects(check('crash'), /died/);
  const { text: next } = await check('alice');
  assert.notEqual(next, pid);
  await assert.rejects(check('crash'), /died/);
  assert.equal((await check('alice')).text, next);
  assert.deepEqual(askedNow(), ['alice', 'crash', 'crash', 'alice', 'crash', 'alice']);
});

test('pamChecks() leaves a process that hangs, and ends it when nobody waits for it', async () => {
  const check = pamChecks(program, { ...TIMES, hang: 2000 });
  const hanging = check('hang');
  await until('it is asked about', () => readFileSync(asked, 'utf8').includes('hang'));
  const pid = Number(readFileSync(asked, 'utf8').split(' ')[1]);
  assert.equal((await check('alice')).text, String(pid), 'nobody waits for who hangs');
  await new Promise((resolve) => setTimeout(resolve, 1000)); // so that it is asked about later
  const slow = check('slow');
  await assert.rejects(hanging, { message: 'it did not answer in 2 s' });
  assert.notEqual((await check('alice')).text, String(pid));
  writeFileSync(go, '');
  assert.equal((await slow).text, String(pid));
  rmSync(go);
  await until('it has ended', () => !isRunning(pid));
  assert.deepEqual(askedNow(), ['hang', 'alice', 'slow', 'alice']);
});

test('pamChecks() asks about 48 at the same time, and the others when there is room', async () => {
  const check = pamChecks(program, { ...TIMES, hang: 3000 });
  const settled = Promise.allSettled(Array.from({ length: 60 }, (_, n) => check(`hang${n}`)));
  await until('they are asked about', () => readFileSync(asked, 'utf8').split('\n').length > 48);
  assert.equal(askedNow().length, 48);
  assert.ok((await settled).every(({ status }) => status === 'rejected'));
  assert.equal(askedNow().length, 12);
});

test('pamChecks() tells of a process that cannot be started', async () => {
  await assert.rejects(pamChecks(join(folder, 'none.cjs'), TIMES)('alice'), {
    message: 'the process that asked it died (exit status 1)',
  });
});
