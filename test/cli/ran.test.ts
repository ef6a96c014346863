import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asTable, how } from '../../src/cli/ran.ts';
import { readPast } from '../../src/cli/when.ts';
import type { RunInfo } from '../../src/control/answers.ts';
import { offsetIn } from '../../src/core/zone.ts';

const now = new Date(2026, 10, 22, 14, 5).getTime();
const NARROW = { width: 80, isUnicode: true, hasColours: false };
const WIDE = { ...NARROW, width: Infinity };

function ran(changed: Partial<RunInfo> = {}): RunInfo {
  return {
    run: 'mws0od2s-4711-2x',
    user: 'alice',
    command: 'backup --all',
    crontab: 'alice',
    line: 3,
    scheduled: null,
    byHand: null,
    started: new Date(now - 5000).toISOString(),
    ended: new Date(now - 4700).toISOString(),
    outcome: 'succeeded',
    exit: 0,
    signal: null,
    timedOut: false,
    bytes: 0,
    mail: 'none',
    mailLater: null,
    mailLaterAt: null,
    cpu: null,
    memory: null,
    ...changed,
  };
}

/** An instant by the clocks of this host. */
function local(...[year, ...rest]: [number, number, number, number, number, number]): string {
  return new Date(year, ...rest).toISOString();
}

test('asTable() lines runs up, and shows what they used where there is room', () => {
  const long = new Date(now - 200_000_000).toISOString();
  const runs = [
    ran({ started: local(2025, 0, 3, 8, 0, 0), ended: local(2025, 0, 3, 8, 0, 2), user: 'bob' }),
    ran({ started: long, outcome: 'failed', exit: 3, mail: 'mailer', bytes: 2048 }),
    ran({ cpu: 0.25, memory: 10_485_760, bytes: 7, command: 'a\x1b[2Jb' }),
  ];
  assert.deepEqual(asTable(runs, false, now, WIDE).split('\n'), [
    'WHEN             TOOK  HOW     MAIL  USER   RUN                 CPU  MEMORY   OUTPUT  COMMAND',
    'Jan  3  2025    2.0 s  ok            bob    mws0od2s-4711-2x                          backup --all',
    'Nov 20 06:31  2 d 7 h  exit 3  sent  alice  mws0od2s-4711-2x                 2.0 KiB  backup --all',
    'Nov 22 14:04    0.3 s  ok            alice  mws0od2s-4711-2x  0.3 s  10 MiB      7 B  a?[2Jb',
  ]);
  assert.deepEqual(asTable(runs.slice(2), true, now, { ...NARROW, width: 70 }).split('\n'), [
    'the latest 1: -n tells of more',
    'WHEN           TOOK  HOW  MAIL  USER   RUN               COMMAND',
    'Nov 22 14:04  0.3 s  ok         alice  mws0od2s-4711-2x  a?[2Jb',
  ]);
});

test('asTable() tells what became of a mail in the end', () => {
  const later = (mailLater: RunInfo['mailLater'], at = now): string[] => {
    const mailLaterAt = new Date(at).toISOString();
    const told = ran({ mail: 'outbox', ...(mailLater !== null && { mailLater, mailLaterAt }) });
    return (asTable([told], false, now, WIDE).split('\n')[1] ?? '').split(/ {2,}/).slice(3, 4);
  };
  assert.deepEqual(later(null), ['waits']);
  assert.deepEqual(later('sent'), ['sent Nov 22 14:05']);
  assert.deepEqual(later('returned'), ['returned Nov 22 14:05']);
  assert.deepEqual(later('given-up'), ['given up Nov 22 14:05']);
});

test('asTable() colours what went wrong, and nothing else, on a terminal only', () => {
  const runs = [
    ran(),
    ran({ outcome: 'unknown', exit: null, ended: null }),
    ran({ outcome: 'skipped', exit: null }),
  ];
  const lines = asTable(runs, false, now, { ...NARROW, hasColours: true }).split('\n');
  const colours = lines.map((line) => (line.startsWith('\x1b[') ? line.slice(2, 4) : ''));
  assert.deepEqual(colours, ['1m', '', '31', '33']);
  assert.ok(!asTable(runs, true, now, NARROW).includes('\x1b'));
  assert.equal(asTable([], false, now, NARROW), 'no run is known');
});

const ENDS: readonly (readonly [Partial<RunInfo>, string])[] = [
  [{}, 'ok'],
  [{ outcome: 'failed', exit: 3 }, 'exit 3'],
  [{ outcome: 'failed', exit: null, signal: 'SIGKILL' }, 'SIGKILL'],
  [{ outcome: 'failed', exit: null, signal: 'SIGTERM', timedOut: true }, 'timed out'],
  [{ outcome: 'not-started', exit: null }, 'not started'],
  [{ outcome: 'unknown', exit: null }, 'unknown'],
  [{ outcome: 'skipped', exit: null }, 'skipped'],
];
for (const [changed, expected] of ENDS)
  test(`how() says "${expected}"`, () => assert.equal(how(ran(changed)), expected));

const at = Date.parse('2026-11-22T13:05:30Z');
const PASTS: readonly (readonly [string, string, string | null])[] = [
  ['30s', 'UTC', '2026-11-22T13:05:00Z'],
  ['30m', 'UTC', '2026-11-22T12:35:30Z'],
  ['2h', 'America/New_York', '2026-11-22T11:05:30Z'],
  ['1d', 'UTC', '2026-11-21T13:05:30Z'],
  ['2w', 'UTC', '2026-11-08T13:05:30Z'],
  ['999999w', 'UTC', '1970-01-01T00:00:00Z'],
  ['today', 'America/New_York', '2026-11-22T05:00Z'],
  ['yesterday', 'America/New_York', '2026-11-21T05:00Z'],
  ['2026-11-20', 'UTC', '2026-11-20T00:00Z'],
  ['2026-11-20T10:00+02:00', 'UTC', '2026-11-20T08:00Z'],
  ['2', 'UTC', null],
  ['h', 'UTC', null],
  ['2x', 'UTC', null],
  ['-2h', 'UTC', null],
  ['', 'UTC', null],
];
for (const [text, zone, expected] of PASTS)
  test(`readPast() reads "${text}" in ${zone}`, () => {
    const read = readPast(text, at, (when) => offsetIn(zone, when));
    assert.equal(read, expected === null ? null : Date.parse(expected));
  });

test('readPast() finds yesterday on the days on which clocks change', () => {
  const paris = (when: number): number => offsetIn('Europe/Paris', when);
  for (const [now_, expected] of [
    ['2027-03-29T10:00Z', '2027-03-27T23:00Z'],
    ['2027-11-01T10:00Z', '2027-10-30T22:00Z'],
  ] as const)
    assert.equal(readPast('yesterday', Date.parse(now_), paris), Date.parse(expected));
});
