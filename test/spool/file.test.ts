import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readAll, withFile } from '../../src/spool/file.ts';
import { house } from './house.ts';

/** Content, size told by fstat(2), limit → what is read. */
const table: readonly [content: string, expected: number, limit: number, read: string | null][] = [
  ['', 0, 10, ''],
  ['abc', 3, 10, 'abc'],
  ['abc', 3, 3, 'abc'],
  ['abc', 3, 2, null],
  ['a', 0, 0, null],
  ['grown since', 2, 20, 'grown since'],
  ['grown since', 2, 5, null],
  ['shrunk', 100, 200, 'shrunk'],
];
for (const [content, expected, limit, read] of table) {
  test(`readAll() of ${JSON.stringify(content)}, at most ${limit}, is ${JSON.stringify(read)}`, (t) => {
    const path = house(t).tab('alice', content);
    const bytes = withFile(path, false, (fd) => readAll(fd, expected, limit));
    assert.equal(bytes?.toString() ?? null, read);
  });
}

test('readAll() reads a file of /proc, whose size is 0', () => {
  const bytes = withFile('/proc/self/status', true, (fd, stat) => readAll(fd, stat.size, 1e6));
  assert.equal(
    bytes?.toString().split('\n')[0],
    readFileSync('/proc/self/status', 'utf8').split('\n')[0],
  );
});

test('withFile() opens no link unless it may', () => {
  assert.throws(() => withFile('/proc/self/exe', false, () => {}), { code: 'ELOOP' });
  assert.ok(withFile('/proc/self/exe', true, (_fd, stat) => stat.isFile()));
});
