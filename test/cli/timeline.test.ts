import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crowds, type Window } from '../../src/cli/crowd.ts';
import { type Look, lookOf } from '../../src/cli/look.ts';
import { picture } from '../../src/cli/timeline.ts';
import { upcoming } from '../../src/cli/upcoming.ts';
import { parseCrontab } from '../../src/core/crontab.ts';
import { offsetsOf } from '../../src/core/spans.ts';
import type { Tab } from '../../src/spool/tab.ts';
import { golden } from '../support/golden.ts';

function tabOf(label: string, text: string): Tab {
  const { entries, problems } = parseCrontab(text, { kind: 'user', owner: label, seed: '' });
  return { label, path: `/spool/${label}`, user: label, entries, problems };
}

const CROWD = Array.from({ length: 70 }, () => '0 3 * * * x\n').join('');
const tabs = [
  tabOf('alice', '* 8-9 * * * a\n*/5 * * * * b\n@hourly c\n@reboot d\n0 0 30 2 * never\n'),
  tabOf('bob', `30 2 * * * late\n0 12 * * * noon\tand\x1b more\n0 12 * * * z\n${CROWD}`),
];
const UNICODE: Look = { width: 80, isUnicode: true, hasColours: false };

function windowIn(zone: string, from: string, until: string): Window {
  return { from: Date.parse(from), until: Date.parse(until), offsets: offsetsOf(zone) };
}

function drawn(window: Window, look: Look): Buffer {
  return Buffer.from(`${picture(crowds(tabs, 'host', window), window, look).join('\n')}\n`);
}

const day = windowIn('Europe/Berlin', '2026-11-22T13:05:30Z', '2026-11-23T13:00Z');

test('picture() draws a day, a row an hour and a column a minute', () => {
  golden('timeline-day.txt', drawn(day, UNICODE));
});

test('picture() draws in ASCII, and with fewer columns', () => {
  golden('timeline-narrow.txt', drawn(day, { ...UNICODE, width: 40, isUnicode: false }));
});

test('picture() draws in colours', () => {
  const short = { ...day, until: day.from + 7_200_000 };
  golden('timeline-colours.txt', drawn(short, { ...UNICODE, hasColours: true }));
});

test('picture() begins a row wherever clocks are set', () => {
  const howe = windowIn('Australia/Lord_Howe', '2027-04-03T13:00Z', '2027-04-03T17:00Z');
  golden('timeline-autumn.txt', drawn(howe, UNICODE));
  const spring = windowIn('Europe/Berlin', '2027-03-28T00:00Z', '2027-03-28T03:00Z');
  golden('timeline-spring.txt', drawn(spring, UNICODE));
});

test('picture() says that nothing starts', () => {
  const window = windowIn('UTC', '2026-11-22T13:00Z', '2026-11-22T13:02Z');
  const lines = picture(new Map(), window, UNICODE);
  assert.deepEqual(lines.slice(1), [
    'Sun 2026-11-22 +0000',
    '13:00  ··',
    '',
    'nothing starts in this time',
  ]);
});

test('crowds() counts what upcoming() tells, through summer time', () => {
  const zoned = [
    ...tabs,
    tabOf('carol', 'CRON_TZ=America/New_York\nRANDOM_DELAY=30\n0 1 * * * n\n'),
  ];
  for (const zone of ['Europe/Berlin', 'Australia/Lord_Howe', 'America/New_York'])
    for (const month of ['03-14', '03-28', '04-04', '10-03', '10-31', '11-07']) {
      const from = Date.parse(`2027-${month}T00:00Z`) - 43_200_000;
      const window = { from, until: from + 86_400_000, offsets: offsetsOf(zone) };
      const counts = new Map<number, number>();
      for (const { at } of upcoming(zoned, 'host', window))
        counts.set(at, (counts.get(at) ?? 0) + 1);
      const found = [...crowds(zoned, 'host', window)].map(([at, { starts }]) => [at, starts]);
      assert.deepEqual(found, [...counts]);
    }
});

test('lookOf() asks the locale for characters, and the terminal for colours', () => {
  const terminal = { isTTY: true, columns: 100 };
  const table: readonly (readonly [NodeJS.ProcessEnv, boolean, boolean])[] = [
    [{ LANG: 'de_DE.UTF-8', TERM: 'xterm' }, true, true],
    [{ LANG: 'de_DE.utf8', LC_ALL: 'C', TERM: 'xterm', NO_COLOR: '1' }, false, false],
    [{ LC_CTYPE: 'C.UTF-8', LC_ALL: '', TERM: 'dumb' }, true, false],
    [{}, false, false],
  ];
  for (const [environment, isUnicode, hasColours] of table)
    assert.deepEqual(lookOf(terminal, environment), { width: 100, isUnicode, hasColours });
  assert.deepEqual(lookOf({}, { TERM: 'xterm' }), {
    width: Infinity,
    isUnicode: false,
    hasColours: false,
  });
});
