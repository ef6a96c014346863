/** What a runner writes down of runs that are over. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { inflateSync } from 'node:zlib';
import type { Body } from '../../src/run/output.ts';
import { openRecorder, type Recorder, type RunEnd } from '../../src/run/recorder.ts';
import { firing } from './firings.ts';

const ENDING: RunEnd = {
  outcome: 'succeeded',
  exit: { code: 0, signal: null },
  started: 1000,
  ended: 2000,
  bytes: 3,
};

function bodyOf(text: string): Body {
  const bytes = Buffer.from(text);
  return {
    size: bytes.length,
    async *chunks(from = 0, to = bytes.length) {
      yield bytes.subarray(from, to);
    },
  };
}

interface Case {
  readonly folder: string;
  readonly recorder: Recorder;
  readonly troubles: string[];
  readonly words: () => number;
  readonly lines: () => { [field: string]: unknown }[];
}

function open(t: TestContext, output = 1000): Case {
  const folder = mkdtempSync(join(tmpdir(), 'recorder-'));
  const troubles: string[] = [];
  let words = 0;
  const recorder = openRecorder({
    file: join(folder, 'record', 'r'),
    output,
    onTrouble: (problem) => void troubles.push(problem),
    onWritten: () => void words++,
  });
  t.after(() => {
    recorder.close();
    rmSync(folder, { recursive: true });
  });
  const read = (name: string): string => readFileSync(join(folder, 'record', name), 'utf8');
  const lines = (): Record<string, unknown>[] =>
    readdirSync(join(folder, 'record'))
      .toSorted()
      .flatMap((name) => read(name).split('\n').slice(0, -1))
      .map((line): Record<string, unknown> => JSON.parse(line));
  return { folder, recorder, troubles, words: () => words, lines };
}

test('prepare() writes what is known of a run, and tells of it', async (t) => {
  const { recorder, words, lines } = open(t);
  recorder.mailed('a', 'outbox');
  const origin = { crontab: 'alice', line: 7, text: '@daily echo \u00e9' };
  const scheduled = '2026-11-22T00:00+01:00';
  const write = await recorder.prepare(
    firing('a', { command: 'echo \u00c3\u00a9', user: 'alice', origin, scheduled }),
    null,
  );
  assert.equal(words(), 0);
  write({ ...ENDING, usage: { cpu: 12.6, memory: 70_000 } });
  assert.equal(words(), 1);
  assert.deepEqual(lines(), [
    {
      run: 'a',
      key: 'a@1',
      identity: 'a',
      crontab: 'alice',
      line: 7,
      entry: '@daily echo \u00e9',
      user: 'alice',
      command: 'echo \u00e9',
      scheduled,
      byHand: null,
      started: 1000,
      ended: 2000,
      outcome: 'succeeded',
      code: 0,
      signal: null,
      timedOut: false,
      bytes: 3,
      mail: 'outbox',
      cpu: 13,
      memory: 70_000,
    },
  ]);
});

const OUTPUTS: [string, string, string][] = [
  ['a short output as it is', 'hi\n', 'hi\n'],
  ['a longer one', 'line\n'.repeat(100), 'line\n'.repeat(100)],
  [
    'head and tail of a long one, in whole lines',
    `${'head\n'.repeat(1000)}middle\n${'tail\n'.repeat(1000)}`,
    `${'head\n'.repeat(100)}cron: 9012 bytes are left out here\n${'tail\n'.repeat(99)}`,
  ],
];

for (const [what, printed, kept] of OUTPUTS)
  test(`prepare() keeps ${what}`, async (t) => {
    const { recorder, lines } = open(t);
    (await recorder.prepare(firing('a'), bodyOf(printed)))(ENDING);
    const [line] = lines();
    const bytes = Buffer.from(String(line?.['base64']), 'base64');
    const size = Number(line?.['size']);
    assert.equal((bytes.length < size ? inflateSync(bytes) : bytes).toString(), kept);
    assert.equal(size, kept.length);
    assert.ok(bytes.length <= size);
    assert.equal(line?.['output'], 'a');
  });

test('prepare() keeps no output where none is to be kept', async (t) => {
  const { recorder, lines } = open(t, 0);
  (await recorder.prepare(firing('a'), bodyOf('hi\n')))(ENDING);
  assert.equal(lines().length, 1);
});

test('prepare() begins another file when one is long', async (t) => {
  const { folder, recorder, lines } = open(t);
  for (let n = 0; n < 600; n++)
    (await recorder.prepare(firing(`${n}`, { command: 'x'.repeat(2500) }), null))(ENDING);
  assert.deepEqual(readdirSync(join(folder, 'record')).toSorted(), ['r.1.records', 'r.2.records']);
  assert.deepEqual(
    lines().map(({ run }) => run),
    Array.from({ length: 600 }, (_, n) => `${n}`),
  );
});

test('prepare() says once that it cannot write, and goes on when it can', async (t) => {
  const { folder, recorder, troubles, lines } = open(t);
  writeFileSync(join(folder, 'record'), 'in the way');
  for (const name of ['a', 'b']) (await recorder.prepare(firing(name), bodyOf('hi\n')))(ENDING);
  assert.equal(troubles.length, 1);
  assert.match(troubles[0] ?? '', /^runs are not recorded: /);
  rmSync(join(folder, 'record'));
  (await recorder.prepare(firing('c'), null))(ENDING);
  assert.deepEqual(
    lines().map(({ run }) => run),
    ['c'],
  );
});

test('prepare() records a run whose output cannot be read', async (t) => {
  const { recorder, troubles, lines } = open(t);
  const broken: Body = {
    size: 3,
    // eslint-disable-next-line require-yield
    async *chunks() {
      throw new Error('the disk has gone');
    },
  };
  (await recorder.prepare(firing('a'), broken))(ENDING);
  assert.deepEqual(
    lines().map(({ run }) => run),
    ['a'],
  );
  assert.deepEqual(troubles, ['cannot record the output of a: the disk has gone']);
});
