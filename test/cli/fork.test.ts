/** Programs of ours that are started: with options that Node knows, and with one that it does not. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { forkDetached, UnknownOption, untilReady } from '../../src/cli/fork.ts';
import { FRUGAL } from '../../src/system/compiler.ts';

const folder = mkdtempSync(join(tmpdir(), 'fork-'));
after(() => rmSync(folder, { recursive: true }));
const program = join(folder, 'program.cjs');

/** Start a program of these lines; resolves when it has said that it is ready. */
function start(lines: string, options: readonly string[]): Promise<void> {
  writeFileSync(program, lines);
  const outputs = ['ignore', 'ignore'] as const;
  return untilReady(forkDetached(program, [], { environment: {}, outputs, options }));
}

test('this Node knows the options of a runner', async () => {
  await start('process.send({ ready: true });', FRUGAL);
});

test('an option that Node does not know is told from all else that ends a program', async () => {
  await assert.rejects(start('', ['--no-such-option']), UnknownOption);
  await assert.rejects(start('process.exit(3);', FRUGAL), {
    name: 'Error',
    message: 'it ended at once (exit status 3)',
  });
  await assert.rejects(start("process.send({ failed: 'x' });", FRUGAL), { message: 'x' });
});
