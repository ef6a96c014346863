import assert from 'node:assert/strict';
import { test } from 'node:test';
import { giveBack } from '../../src/system/heap.ts';

const MIB = 1024 ** 2;

test('giveBack() leaves nothing of what nobody needs, and all that somebody does', () => {
  let work: number[][] | null = Array.from({ length: 64 }, (_, row) =>
    Array.from({ length: 65_536 }, (_unused, column) => row + column),
  );
  const kept = work[1];
  giveBack(); // what was made before this test is gone
  const before = process.memoryUsage().heapUsed;
  work = null;
  giveBack();
  assert.ok(before - process.memoryUsage().heapUsed > 16 * MIB);
  assert.equal(kept?.[65_535], 65_536);
});
