/** 300 jobs a minute while everything goes wrong: none runs twice, none is missed, no output is lost. `npm run faults:minutes` has more of it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { needsRoot } from '../support/sandbox.ts';

/** How long it goes on, in minutes, and what happens: both can be set, and are told. */
const { FAULTS_MINUTES = process.env['CI'] === 'true' ? '2' : '0.5', FAULTS_SEED } = process.env;
const program = new URL('../../bench/minutes.js', import.meta.url).pathname;

test(`cron bears ${FAULTS_MINUTES} minutes of faults`, needsRoot, async (t) => {
  const seed = FAULTS_SEED ?? `${Date.now() % 2 ** 31}`;
  t.diagnostic(`FAULTS_SEED=${seed}`);
  const child = spawn(process.execPath, [program, FAULTS_MINUTES, seed], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (said += data.toString()));
  const [status]: (number | null)[] = await once(child, 'close');
  assert.equal(status, 0, said);
  assert.match(said, /MB of the largest runner: \d+/);
});
