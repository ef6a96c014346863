/** The runner's side of a PAM session: what is said of a holder that hangs, dies or fails. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pamHold } from '../../src/run/hold.ts';
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
