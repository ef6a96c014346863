import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Expectations } from '../../src/cli/expect.ts';
import { parseCrontab } from '../../src/core/crontab.ts';
import type { Tab } from '../../src/spool/tab.ts';
import type { RunRecord } from '../../src/system/record.ts';

const folder = mkdtempSync(join(tmpdir(), 'expect-'));
after(() => rmSync(folder, { recursive: true }));

const HOUR = 3_600_000;
const NOON = Date.parse('2026-11-22T12:00:00Z');

function tabOf(text: string): Tab {
  const { entries, problems } = parseCrontab(text, { kind: 'user', owner: 'alice', seed: '' });
  return { label: 'alice', path: '/spool/alice', user: 'alice', entries, problems };
}

function record(identity: string, changed: Partial<RunRecord>): RunRecord {
  const run = { run: 'r', key: 'k', identity, crontab: 'alice', line: 2, entry: '', user: 'alice' };
  const times = { command: 'backup', scheduled: null, started: NOON, ended: NOON };
  const end = { outcome: 'succeeded', code: 0, signal: null, timedOut: false, bytes: 0 } as const;
  const rest = { mail: 'none', cpu: null, memory: null, byHand: null } as const;
  return { ...run, ...times, ...end, ...rest, ...changed };
}

let count = 0;
function open(file = join(folder, `${++count}`)): {
  it: Expectations;
  file: string;
  log: string[];
} {
  const log: string[] = [];
  return {
    it: new Expectations(file, (_who, event, detail) => log.push(`${event} ${detail}`)),
    file,
    log,
  };
}

const DAILY = tabOf(
  'MAILTO=ops\nCRON_EXPECT=1d\n0 3 * * * backup\nCRON_EXPECT=\n* * * * * other\n',
);

test('look() tells once of an entry that has never succeeded, when its time is over', () => {
  const { it } = open();
  it.note([DAILY], NOON);
  assert.deepEqual(it.look([DAILY], NOON + 24 * HOUR), []);
  const [overdue, ...rest] = it.look([DAILY], NOON + 24 * HOUR + 1);
  assert.deepEqual(rest, []);
  assert.ok(overdue);
  assert.equal(overdue.command, 'backup');
  assert.deepEqual([overdue.line, overdue.since, overdue.user], [3, NOON, 'alice']);
  const { firing } = overdue;
  assert.equal(firing.command, 'cat # no success within 1d: backup');
  assert.deepEqual(firing.environment, [['MAILTO', 'ops']]);
  assert.match(
    firing.stdin ?? '',
    /^This job has not succeeded within 1d \(CRON_EXPECT\):\n\n {2}0 3 \* \* \* backup\n/,
  );
  assert.match(firing.stdin ?? '', /\nIt is there since 2026-11-22T12:00:00\.000Z\.\n/);
  assert.deepEqual(it.look([DAILY], NOON + 100 * HOUR), []);
});

test('a success begins the time anew, also after it was told of; a failure does not', () => {
  const { it } = open();
  it.note([DAILY], NOON);
  const [overdue] = it.look([DAILY], NOON + 30 * HOUR);
  assert.ok(overdue);
  it.ran(record(overdue.identity, { outcome: 'failed', ended: NOON + 31 * HOUR }));
  assert.deepEqual(it.look([DAILY], NOON + 90 * HOUR), []);
  it.ran(record(overdue.identity, { ended: NOON + 91 * HOUR }));
  assert.deepEqual(it.look([DAILY], NOON + 92 * HOUR), []);
  const [again] = it.look([DAILY], NOON + 116 * HOUR);
  assert.match(again?.firing.stdin ?? '', /\nIt last succeeded at 2026-11-26T07:00:00\.000Z\.\n/);
  assert.notEqual(again?.firing.key, overdue.firing.key);
});

test('what is known outlives the daemon, and entries that are gone are forgotten', () => {
  const { it, file } = open();
  it.note([DAILY], NOON);
  const next = open(file).it;
  assert.equal(next.look([DAILY], NOON + 25 * HOUR).length, 1);
  assert.deepEqual(open(file).it.look([DAILY], NOON + 26 * HOUR), []);
  next.look([], NOON + 27 * HOUR);
  assert.equal(readFileSync(file, 'utf8'), '{}\n');
});

test('a clock that was ahead does not make an entry wait for it', () => {
  const { it } = open();
  it.note([DAILY], NOON + 1000 * HOUR);
  it.note([DAILY], NOON);
  assert.equal(it.look([DAILY], NOON + 25 * HOUR).length, 1);
});

for (const [name, text] of Object.entries({ garbage: '{"a":', others: '{"a":1}', array: '[1]' }))
  test(`a file of ${name} is complained of, and begun anew`, () => {
    const file = join(folder, name);
    writeFileSync(file, text);
    const { it, log } = open(file);
    assert.equal(log.length, 1);
    assert.match(log[0] ?? '', /^ERROR cannot use /);
    it.note([DAILY], NOON);
    assert.equal(open(file).log.length, 0);
  });
