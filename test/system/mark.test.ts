import assert from 'node:assert/strict';
import { chmodSync, linkSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { markOf } from '../../src/system/mark.ts';
import { house, type House } from '../spool/house.ts';

const changes: Record<string, (path: string, home: House) => void> = {
  size: (path) => writeFileSync(path, 'longer'),
  'content, of the same size and mtime': (path) => {
    writeFileSync(path, 'xyz');
    utimesSync(path, 1, 1);
  },
  mode: (path) => chmodSync(path, 0o640),
  'number of links': (path) => linkSync(path, `${path}2`),
  'identity, of the same size and mtime': (path, home) => {
    const other = home.tab('other', 'abc');
    utimesSync(other, 1, 1);
    renameSync(other, path);
  },
};
for (const [what, change] of Object.entries(changes)) {
  test(`markOf() shows another ${what}`, async (t) => {
    const home = house(t);
    const path = home.tab('alice', 'abc');
    utimesSync(path, 1, 1);
    const before = markOf(path);
    assert.deepEqual(markOf(path), before);
    await pause(20); // two ticks of a slow kernel's clock
    change(path, home);
    assert.notEqual(markOf(path)?.text, before?.text);
  });
}

test('markOf() of a link shows a change of what it points at, and that it came', async (t) => {
  const home = house(t);
  const link = join(home.root, 'link');
  symlinkSync(join(home.root, 'target'), link);
  const broken = markOf(link);
  writeFileSync(join(home.root, 'target'), 'abc');
  const whole = markOf(link);
  await pause(20);
  writeFileSync(join(home.root, 'target'), 'xyz');
  assert.equal(new Set([broken?.text, whole?.text, markOf(link)?.text]).size, 3);
});

test('markOf() calls a file young until its clock has surely ticked, whatever its mtime', async (t) => {
  const path = house(t).tab('alice', 'abc');
  utimesSync(path, 1, 1);
  assert.equal(markOf(path)?.young, true);
  await pause(2100);
  assert.equal(markOf(path)?.young, false);
});

test('markOf() is null where nothing is', (t) => {
  assert.equal(markOf(join(house(t).root, 'nothing')), null);
});
