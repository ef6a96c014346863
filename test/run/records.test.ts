/** What runners have recorded is told once, also by the cron after this one. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createAppender } from '../../src/run/append.ts';
import { Records } from '../../src/run/records.ts';
import { until } from '../support/wait.ts';

interface Case {
  readonly folder: string;
  readonly logged: string[];
  /** A cron that looks; what it hears of goes to `heard`. */
  readonly open: () => Records;
  readonly heard: string[];
  readonly write: (file: string, text: string) => void;
}

function place(t: TestContext): Case {
  const folder = mkdtempSync(join(tmpdir(), 'records-'));
  const logged: string[] = [];
  const heard: string[] = [];
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return {
    folder,
    logged,
    heard,
    open() {
      const records = new Records(folder, (_, __, detail) => void logged.push(detail));
      records.onRun(({ run }) => void heard.push(run));
      return records;
    },
    write: (file, text) => appendFileSync(join(folder, file), text),
  };
}

const line = (run: string): string => `${JSON.stringify({ run, outcome: 'succeeded' })}\n`;

test('Records tells of each run once, in the order of the files and lines', async (t) => {
  const { open, heard, write } = place(t);
  write('1.1.records', `{"output":"a","size":1,"base64":"YQ=="}\n${line('a')}${line('b')}`);
  write('2.1.records', line('c'));
  const records = open();
  records.look();
  await until('all are told of', () => heard.length === 3);
  write('1.1.records', line('d'));
  records.look();
  records.look();
  await until('the new one is told of', () => heard.length === 4);
  await records.ended();
  assert.deepEqual(heard, ['a', 'b', 'c', 'd']);
});

test('Records tells of what ended while no cron was running, and of nothing twice', async (t) => {
  const { open, heard, write } = place(t);
  write('1.1.records', line('a'));
  const first = open();
  await first.ended();
  await first.close();
  write('1.1.records', line('b'));
  write('2.1.records', line('a')); // a runner that died had recorded it, and could not say so
  const second = open();
  second.onRun(() => assert.fail('one that throws keeps nobody else from hearing'));
  await second.ended();
  assert.deepEqual(heard, ['a', 'b', 'a']);
  const third = open();
  write('2.1.records', `${line('c')}${line('c')}`);
  await third.ended();
  assert.deepEqual(heard, ['a', 'b', 'a', 'c']);
});

test('Records leaves a line alone that is not whole yet, and skips what is none', async (t) => {
  const { open, heard, write } = place(t);
  const records = open();
  write(
    '1.1.records',
    `${line('a')}garbage\n\n{"run":\n${'\0'.repeat(100)}\n${line('b').slice(0, 9)}`,
  );
  await records.ended();
  write('1.1.records', line('b').slice(9));
  await records.ended();
  assert.deepEqual(heard, ['a', 'b']);
});

test('Records reads lines that are longer than a piece', async (t) => {
  const { open, heard, write } = place(t);
  const output = `{"output":"a","size":1,"base64":"${'A'.repeat(1_400_000)}"}\n`;
  write('1.1.records', `${output}${line('a')}${output}${line('b')}`);
  await open().ended();
  assert.deepEqual(heard, ['a', 'b']);
});

test('Records removes files only whose writer is gone', async (t) => {
  const { folder, open, write } = place(t);
  const living = createAppender(join(folder, '2.1.records'), assert.fail);
  living.write(line('b'));
  write('1.1.records', line('a'));
  const records = open();
  const ended = await records.ended();
  assert.deepEqual(ended, ['1.1.records']);
  records.remove(ended);
  records.limit(0);
  assert.deepEqual(readdirSync(folder).toSorted(), ['2.1.records', 'told']);
  living.close();
  assert.deepEqual(await records.ended(), ['2.1.records']);
});

test('Records gives the oldest up where there is no history to be had, and says so', (t) => {
  const { folder, open, write, logged } = place(t);
  for (const name of ['1', '2', '3']) write(`${name}.1.records`, 'x'.repeat(1000));
  open().limit(1500);
  assert.deepEqual(readdirSync(folder), ['3.1.records']);
  assert.equal(logged.length, 2);
});

test('Records begins from the beginning where what was told is not known', async (t) => {
  const { folder, open, heard, write } = place(t);
  write('told', 'garbage');
  write('1.1.records', line('a'));
  await open().ended();
  assert.deepEqual(heard, ['a']);
  assert.deepEqual(JSON.parse(readFileSync(join(folder, 'told'), 'utf8')), {
    '1.1.records': line('a').length,
  });
});
