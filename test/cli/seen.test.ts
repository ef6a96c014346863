import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Seen } from '../../src/cli/seen.ts';
import { identityOf } from '../../src/run/firing.ts';
import { parseTab, type Tab } from '../../src/spool/tab.ts';

const DAY = 1440;

/** A crontab with an entry for each word, all of which catch up. */
function tab(user: string, words: readonly string[]): Tab {
  const place = { label: user, path: `/spool/${user}`, shown: user, user };
  const lines = words.map((word) => `@daily ${word}\n`);
  return parseTab(place, `CRON_CATCHUP=all\n${lines.join('')}`, 'host');
}

function open(t: TestContext): { directory: string; seen: () => Seen; logged: string[] } {
  const root = mkdtempSync(join(tmpdir(), 'seen-'));
  t.after(() => rmSync(root, { recursive: true }));
  const directory = join(root, 'first-seen');
  const logged: string[] = [];
  const seen = (): Seen => new Seen(directory, (_, __, detail) => void logged.push(detail));
  return { directory, seen, logged };
}

/** When the only entry of `word` was first seen. */
function first(seen: Seen, user: string, word: string): number {
  const [entry] = tab(user, [word]).entries;
  assert.ok(entry !== undefined);
  return seen.first(user, identityOf(user, entry));
}

test('first() tells the minute of the first look, after a restart too', async (t) => {
  const { seen } = open(t);
  const before = seen();
  before.look([tab('alice', ['a']), tab('bob', ['a'])], 100);
  before.look([tab('alice', ['a', 'b']), tab('bob', ['a'])], 200);
  await before.close();
  const after = seen();
  assert.deepEqual(
    [first(after, 'alice', 'a'), first(after, 'alice', 'b'), first(after, 'bob', 'a')],
    [100, 200, 100],
  );
  assert.equal(first(after, 'bob', 'b'), Infinity);
});

test('look() remembers for a month what is gone, and forgets it then', async (t) => {
  const { seen, directory } = open(t);
  const before = seen();
  before.look([tab('alice', ['a', 'b']), tab('bob', ['a'])], 100);
  before.look([tab('alice', ['b'])], 200);
  before.look([tab('alice', ['a', 'b']), tab('bob', ['a'])], 200 + 31 * DAY);
  assert.deepEqual([first(before, 'alice', 'a'), first(before, 'bob', 'a')], [100, 100]);
  before.look([tab('alice', ['b'])], 50_000);
  await before.close();
  const after = seen();
  after.look([], 50_001 + 31 * DAY);
  await after.close();
  assert.deepEqual(readdirSync(directory), ['alice']); // its other entry is gone only now
});

test('look() remembers a thousand entries of a crontab that went, those that went last', async (t) => {
  const { seen, directory } = open(t);
  const now = seen();
  for (let turn = 0; turn < 30; turn++) {
    const words = Array.from({ length: 100 }, (_, index) => `${turn}-${index}`);
    now.look([tab('alice', words), tab('bob', ['a'])], turn);
  }
  await now.close();
  const kept: object = JSON.parse(readFileSync(join(directory, 'alice'), 'utf8'));
  assert.equal(Object.keys(kept).length, 1100);
  assert.deepEqual(
    [first(now, 'alice', '29-0'), first(now, 'alice', '19-0'), first(now, 'alice', '18-0')],
    [29, 19, Infinity],
  );
  assert.equal(first(now, 'bob', 'a'), 0);
});

test('Seen goes on without a file that makes no sense, and says so', async (t) => {
  const { seen, directory, logged } = open(t);
  mkdirSync(directory);
  writeFileSync(join(directory, 'alice'), '{');
  const now = seen();
  now.look([tab('alice', ['a'])], 7);
  assert.equal(first(now, 'alice', 'a'), 7);
  await now.close();
  assert.match(logged.join('\n'), /^cannot use ".*\/alice": [^\n]+$/);
});
