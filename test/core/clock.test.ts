import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { wake, type Last, type Now, type Visit } from '../../src/core/clock.ts';
import { localTime, matches } from '../../src/core/due.ts';
import { isWild, parseSchedule } from '../../src/core/schedule.ts';

// All tests run up to local minute 1000, which is UTC minute 940: an offset of one hour.
const LAST: Last = { fixed: 1000, wild: 940 };

/** The jump and the visits, each as its local minute from now and a letter: `small -1a 0a`. */
function told(gap: number, passed: number, last = LAST): string {
  const { jump, visits } = wake(last, { local: last.fixed + gap, utc: last.wild + passed });
  const minutes = visits.map((visit) => `${visit.local - last.fixed - gap}${visit.which[0]}`);
  return [jump, ...minutes].join(' ');
}

test('wake() visits the next minute', () => {
  assert.equal(told(1, 1), 'normal 0a');
  assert.deepEqual(wake(LAST, { local: 1001, utc: 941 }), {
    last: { fixed: 1001, wild: 941 },
    visits: [{ local: 1001, utc: 941, which: 'all' }],
    jump: 'normal',
  });
});

test('wake() visits each of up to five minutes that it slept through', () => {
  assert.equal(told(2, 2), 'small -1a 0a');
  assert.equal(told(5, 5), 'small -4a -3a -2a -1a 0a');
});

test('wake() visits wild entries once and fixed ones minute by minute after a longer sleep', () => {
  assert.equal(told(6, 6), 'forward 0w -5f -4f -3f -2f -1f 0f');
  const spring = wake(LAST, { local: 1180, utc: 1120 });
  assert.equal(spring.jump, 'forward');
  assert.equal(spring.visits.length, 181);
  assert.deepEqual(spring.visits[1], { local: 1001, utc: 941, which: 'fixed' });
  assert.deepEqual(spring.visits.at(-1), { local: 1180, utc: 1120, which: 'fixed' });
  assert.deepEqual(spring.last, { fixed: 1180, wild: 1120 });
});

test('wake() visits only wild entries while the clock catches up', () => {
  assert.equal(told(-59, 1), 'backward 0w');
  assert.equal(told(0, 60), 'backward 0w');
  assert.equal(told(-179, 1), 'backward 0w');
  assert.deepEqual(wake(LAST, { local: 941, utc: 941 }).last, { fixed: 1000, wild: 941 });
});

test('wake() begins anew after a jump of more than three hours', () => {
  for (const gap of [181, 100_000, -180, -100_000]) {
    assert.equal(told(gap, gap), 'large 0a');
    const now = { local: LAST.fixed + gap, utc: LAST.wild + gap };
    assert.deepEqual(wake(LAST, now).last, { fixed: now.local, wild: now.utc });
  }
});

test('wake() visits nothing when it wakes twice in one minute', () => {
  assert.equal(told(0, 0), 'none');
  for (const gap of [1, 4, 60, -30, 500, -500]) {
    const now: Now = { local: LAST.fixed + gap, utc: LAST.wild + 1 };
    const first = wake(LAST, now);
    assert.deepEqual(
      wake(first.last, now),
      { last: first.last, visits: [], jump: 'none' },
      `${gap}`,
    );
  }
});

test('wake() waits with wild entries when the clock itself was set back', () => {
  assert.equal(told(-10, -10), 'backward');
  const back = wake(LAST, { local: 990, utc: 930 });
  assert.deepEqual(back.last, LAST);
  assert.equal(told(1, 1, back.last), 'normal 0a');
});

test('wake() starts no wild entry again when only the local time has moved on', () => {
  assert.equal(told(3, 1), 'small -2f -1f 0a');
  assert.equal(told(1, 0), 'normal 0f');
  assert.equal(told(60, 0).split(' ')[1], '-59f');
});

/** Run a day of a zone minute by minute; `change` is the UTC minute at which the offset moves. */
function runs(text: string, from: string, change: string, before: number, after: number): string[] {
  const parsed = parseSchedule(text, 0, (low) => low);
  assert.ok(parsed.ok);
  const { schedule } = parsed.value;
  const kind = isWild(schedule) ? 'wild' : 'fixed';
  const minute = (iso: string): number => Date.parse(`${iso}Z`) / 60_000;
  const offset = (utc: number): number => (utc < minute(change) ? before : after);
  const start = minute(from) - before;
  let last: Last = { fixed: start + before - 1, wild: start - 1 };
  const found: string[] = [];
  for (let utc = start; utc < start + 1440 - (after - before); utc++) {
    const woken = wake(last, { local: utc + offset(utc), utc });
    last = woken.last;
    for (const visit of woken.visits) {
      if (visit.which !== 'all' && visit.which !== kind) continue;
      if (!matches(schedule, localTime(visit.local))) continue;
      found.push(new Date((utc + offset(utc)) * 60_000).toISOString().slice(11, 16));
    }
  }
  return found;
}

const spring = ['2027-03-28T00:00', '2027-03-28T01:00', 60, 120] as const;
const autumn = ['2027-10-31T00:00', '2027-10-31T01:00', 120, 60] as const;
const lordHowe = ['2027-10-03T00:00', '2027-10-02T15:30', 630, 660] as const;

test('wake() runs fixed entries of the hour that spring skips when it is over', () => {
  assert.deepEqual(runs('30 2 * * *', ...spring), ['03:00']);
  assert.deepEqual(runs('0 1-4 * * *', ...spring), ['01:00', '03:00', '03:00', '04:00']);
  assert.deepEqual(runs('15 2 * * *', ...lordHowe), ['02:30']);
});

test('wake() leaves out wild entries of the hour that spring skips', () => {
  assert.deepEqual(runs('*/15 2 * * *', ...spring), []);
  assert.equal(runs('*/15 * * * *', ...spring).length, 92);
  assert.equal(runs('30 * * * *', ...spring).length, 23);
});

test('wake() runs wild entries in both of the equal hours of autumn, fixed ones in the first', () => {
  assert.deepEqual(runs('30 2 * * *', ...autumn), ['02:30']);
  assert.deepEqual(runs('0,30 1-3 * * *', ...autumn), [
    '01:00',
    '01:30',
    '02:00',
    '02:30',
    '03:00',
    '03:30',
  ]);
  assert.deepEqual(runs('*/30 2 * * *', ...autumn), ['02:00', '02:30', '02:00', '02:30']);
  assert.equal(runs('*/15 * * * *', ...autumn).length, 100);
});

/** Steps of UTC and of the offset, each a wake-up; those that would be a large jump are left out. */
const walk = fc.array(
  fc.record({ utc: fc.integer({ min: -40, max: 40 }), offset: fc.integer({ min: -60, max: 60 }) }),
  { maxLength: 200 },
);

function visited(steps: readonly { utc: number; offset: number }[]): Visit[] {
  let last: Last = { fixed: 60, wild: 0 };
  let [utc, offset] = [0, 60];
  const visits: Visit[] = [];
  for (const step of steps) {
    const gap = utc + step.utc + offset + step.offset - last.fixed;
    if (gap > 180 || gap <= -180) continue;
    utc += step.utc;
    offset += step.offset;
    const woken = wake(last, { local: utc + offset, utc });
    assert.notEqual(woken.jump, 'large');
    last = woken.last;
    visits.push(...woken.visits);
  }
  return visits;
}

test('wake() visits fixed entries once a local minute, in order, whatever the clock does', () => {
  fc.assert(
    fc.property(walk, (steps) => {
      const fixed = visited(steps)
        .filter((visit) => visit.which !== 'wild')
        .map((visit) => visit.local);
      assert.deepEqual(
        fixed,
        fixed.map((_, index) => 61 + index),
      );
    }),
    { numRuns: 2000 },
  );
});

test('wake() visits wild entries at most once a UTC minute, in order, whatever the clock does', () => {
  fc.assert(
    fc.property(walk, (steps) => {
      const wild = visited(steps)
        .filter((visit) => visit.which !== 'fixed')
        .map((visit) => visit.utc);
      assert.ok(wild.every((utc, index) => utc > (wild[index - 1] ?? 0)));
    }),
    { numRuns: 2000 },
  );
});

test('wake() reaches now in every case but the backward one', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer(), (local, utc) => {
      const { last, jump } = wake(LAST, { local, utc });
      assert.equal(last.fixed, jump === 'backward' || jump === 'none' ? LAST.fixed : local);
      assert.ok(last.wild >= utc);
    }),
  );
});
