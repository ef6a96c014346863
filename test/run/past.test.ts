/** What journals tell a scheduler, and how long they are kept. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createJournal, type JournalLine } from '../../src/run/journal.ts';
import { Past } from '../../src/run/past.ts';
import { firing } from './firings.ts';

const HOUR = 3_600_000;

test('Past.tidy() removes journals that are done with and an hour old, and forgets their keys', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'past-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of ['journals', 'outputs']) mkdirSync(join(folder, name));
  const file = (id: string): string => join(folder, 'journals', `${id}.journal`);
  const write = (id: string, done: boolean): void => {
    const journal = createJournal(file(id), (trouble) => assert.fail(trouble));
    journal.write([{ fire: firing(id), at: 1 }, ...(done ? [{ done: id }] : [])]);
    journal.close();
  };
  for (const id of ['done', 'open', 'young']) write(id, id !== 'open');
  const past = new Past(join(folder, 'journals'), join(folder, 'outputs'), () => assert.fail());
  for (const id of past.runners()) past.bury(id);
  const old = (Date.now() - 2 * HOUR) / 1000;
  for (const id of ['done', 'open']) utimesSync(file(id), old, old);

  past.tidy();
  assert.ok(existsSync(file('done')), 'not before an hour has passed');
  past.tidy(Date.now() + HOUR);
  const kept = ['done', 'open', 'young'].map((id) => [existsSync(file(id)), past.has(`${id}@1`)]);
  assert.deepEqual(kept, [
    [false, false],
    [true, true],
    [true, true],
  ]);
});

test('Past.takeLeft() leaves out a run that a later journal has, and no other of the same firing', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'past-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of ['journals', 'outputs']) mkdirSync(join(folder, name));
  const write = (id: string, lines: readonly JournalLine[]): void => {
    const file = join(folder, 'journals', `${id}.journal`);
    const journal = createJournal(file, (trouble) => assert.fail(trouble));
    journal.write(lines);
    journal.close();
  };
  const fire = (name: string, run: string): JournalLine => ({
    fire: { ...firing(name), run },
    at: 1,
  });
  // On a full disk the first journal was written too late for the second runner to know of it.
  write('1', [fire('twice', 'a'), fire('handed', 'b'), fire('queued', 'c'), { wait: 'c' }]);
  write('2', [fire('twice', 'd'), fire('handed', 'b'), fire('queued', 'e'), { done: 'e' }]);
  const past = new Past(join(folder, 'journals'), join(folder, 'outputs'), () => assert.fail());
  for (const id of past.runners()) past.bury(id);
  const left = past.takeLeft().map(({ firing: { run }, from }) => `${run} of ${from}`);
  assert.deepEqual(left.toSorted(), ['a of 1', 'b of 2', 'd of 2']);
});
