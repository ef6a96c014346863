/** Process 1 of a namespace: waits for strangers, and takes no child away from Node. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { CONTAINER } from '../support/container.ts';
import { needsRoot } from '../support/sandbox.ts';

const orphans = new URL('../../src/system/orphans.js', import.meta.url);

/** Children of its own, each with a status, and as many orphans of theirs; then what is left. */
const PROGRAM = `
  import { spawn } from 'node:child_process';
  import { readdirSync, readFileSync } from 'node:fs';
  import { reapOrphans } from ${JSON.stringify(orphans.href)};
  reapOrphans();
  const statuses = await Promise.all(
    Array.from({ length: 100 }, (_, at) => new Promise((resolve) => {
      spawn('sh', ['-c', '(sleep 0.0' + at + ' &) ; exit ' + at], { stdio: 'ignore' }).on('exit', resolve);
    })),
  );
  spawn('/nowhere').on('error', () => {});
  const others = () => readdirSync('/proc').filter((name) => /^\\d+$/.test(name) && name !== '1');
  const limit = Date.now() + 20_000;
  while (others().length > 0 && Date.now() < limit) await new Promise((go) => setTimeout(go, 10));
  const left = others().map((pid) => readFileSync('/proc/' + pid + '/stat', 'latin1'));
  process.stdout.write(JSON.stringify({ pid: process.pid, statuses, left }));`;

test('reapOrphans() leaves no zombie, and Node its children', needsRoot, async () => {
  const [file, ...args] = [...CONTAINER, process.execPath];
  const node = spawn(file, [...args, '--input-type=module', '-e', PROGRAM], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  node.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(node, 'close');
  const statuses = Array.from({ length: 100 }, (_, at) => at);
  assert.deepEqual(JSON.parse(said), { pid: 1, statuses, left: [] });
});
