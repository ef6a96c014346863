/** V8's optimizing compiler: its memory is spared where a cron has little to do, and not its speed where there is much. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { openSandbox } from '../support/sandbox.ts';

/** Have a cron load a table, and count what V8 optimizes in it. */
async function optimized(t: TestContext, table: string): Promise<number> {
  const sandbox = openSandbox(t);
  sandbox.tab(table);
  const cron = await sandbox.start([], { node: ['--trace-opt'] });
  cron.kill('SIGTERM');
  const { stdout } = await cron.ended;
  return [...stdout.matchAll(/completed optimizing .*TURBOFAN/g)].length;
}

test('a cron with few entries has nothing optimized', async (t) => {
  assert.equal(await optimized(t, '@yearly true\n'), 0);
});

test('one that has much to load does', async (t) => {
  const line = `@yearly ${'true '.repeat(30)}\n`;
  assert.ok((await optimized(t, line.repeat(8000))) > 0);
});
