import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goOn, type Kept } from '../../src/core/restart.ts';

const MINUTE = 60_000;
const utc = 29_922_528;
/** Two hours ahead of UTC. */
const now = { utc, local: utc + 120 };
const at = utc * MINUTE + 20_000;

/** What was kept so many minutes ago, and stopped in order so many seconds ago, if it was. */
const kept = (minutes: number, stoppedSeconds: number | null = null): Kept => {
  const lasts = { '': { fixed: now.local - minutes, wild: utc - minutes } };
  const stopped = stoppedSeconds === null ? null : at - stoppedSeconds * 1000;
  return { lasts, ran: lasts, stopped };
};

const table: readonly [string, Kept | null, 'on' | 'anew'][] = [
  ['nothing was kept', null, 'anew'],
  ['killed in this minute', kept(0), 'on'],
  ['killed a minute ago', kept(1), 'on'],
  ['killed five minutes ago', kept(5), 'on'],
  ['killed six minutes ago', kept(6), 'anew'],
  ['rebooted after a day', kept(1440), 'anew'],
  ['stopped in this minute', kept(0, 5), 'on'],
  ['stopped 60 s ago, over a minute', kept(1, 60), 'on'],
  ['stopped 61 s ago, over a minute', kept(2, 61), 'anew'],
  ['stopped for maintenance of three minutes', kept(3, 180), 'anew'],
  ['stopped, and the clock went back since', kept(2, -100), 'on'],
  ['killed, and the clock went back by two hours since', kept(-120), 'on'],
  ['killed, and the clock went back by four hours since', kept(-240), 'anew'],
];

for (const [name, before, expected] of table) {
  test(`goOn() goes ${expected === 'on' ? 'on from what was kept' : 'on from now'}: ${name}`, () => {
    const fresh = { '': { fixed: now.local, wild: now.utc } };
    const from = goOn(before, () => now, at);
    assert.deepEqual(from, expected === 'on' ? before?.lasts : fresh);
  });
}

test('goOn() keeps the local minute that was run, so that summer time in between is seen', () => {
  const lasts = { '': { fixed: utc + 60 - 1, wild: utc - 1 } };
  assert.deepEqual(
    goOn({ lasts, ran: lasts, stopped: null }, () => now, at),
    lasts,
  );
});

test('goOn() decides for each zone, and knows the own one always', () => {
  const berlin = { fixed: utc + 60 - 1, wild: utc - 1 };
  const tokyo = { fixed: utc + 540 - 9, wild: utc - 9 };
  const lasts = { 'Europe/Berlin': berlin, 'Asia/Tokyo': tokyo };
  const nowIn = (zone: string) => ({ utc, local: utc + (zone === 'Asia/Tokyo' ? 540 : 60) });
  assert.deepEqual(goOn({ lasts, ran: lasts, stopped: null }, nowIn, at), {
    '': { fixed: utc + 60, wild: utc },
    'Europe/Berlin': berlin,
    'Asia/Tokyo': { fixed: utc + 540, wild: utc },
  });
});
