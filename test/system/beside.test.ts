/** What the bench makes of its figures: tables, goals, and what it keeps and measures again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, type Figure, row } from '../../bench/beside/figures.ts';
import { judge } from '../../bench/beside/goals.ts';
import { has, renew } from '../../bench/beside/kept.ts';
import { able, inOrder, minutesOf, plans, titleOf } from '../../bench/cases/plan.ts';

const of = (peer: string, value: number, run: string): Figure[] =>
  row('1,000 jobs', peer, { 'last, ms': value }).map((figure) => ({ ...figure, run }));

test('compare() sets only figures of one run in proportion', () => {
  const figures = [...of('mailcron', 100, 'b'), ...of('cron', 400, 'b'), ...of('bcron', 150, 'a')];
  const cells = compare(figures, (peer) => peer)
    .trim()
    .split('\n')
    .slice(2)
    .map((line) => line.split('|').map((cell) => cell.trim())[2]);
  assert.deepEqual(cells, ['100', '400 = 4 x', '150']);
});

test('judge() holds mailcron against the medians of others in its own run', () => {
  const rounds = [90, 100, 500].flatMap((value) => of('mailcron', value, 'b'));
  const judged = (...others: Figure[][]): (string | undefined)[] | undefined =>
    judge([...rounds, ...others.flat()])[0]?.slice(2);
  assert.deepEqual(judged(of('bcron', 200, 'b'), of('cron', 900, 'b')), ['100', '100', 'yes']);
  assert.deepEqual(judged(of('bcron', 199, 'b')), ['100', '99.5', '**no**']);
  assert.equal(judged(of('bcron', 200, 'a')), undefined);
});

test('row() leaves out what could not be had', () => {
  assert.deepEqual(
    row('t', 'cron', { first: NaN, lost: 1 }).map(({ what }) => what),
    ['lost'],
  );
});

test("renew() puts a cron's figures in the place of its former ones in that table", () => {
  const all = renew(
    [...of('mailcron', 100, 'a'), ...of('cron', 400, 'a'), ...row('1 job', 'mailcron', { a: 1 })],
    [...of('mailcron', 90, 'b'), ...of('mailcron', 91, 'b')],
  );
  const values = all.map(({ title, peer, value }) => `${title} ${peer} ${value}`);
  assert.deepEqual(values, [
    '1,000 jobs cron 400',
    '1 job mailcron 1',
    '1,000 jobs mailcron 90',
    '1,000 jobs mailcron 91',
  ]);
});

test('has() counts the rounds of one run, of the cron that has the fewest', () => {
  const all = [...of('mailcron', 90, 'b'), ...of('mailcron', 91, 'b'), ...of('cron', 400, 'a')];
  const rounds = (run: string, names: string[], repeat: number): boolean =>
    has(all, { run, title: '1,000 jobs', names, repeat });
  assert.equal(rounds('b', ['mailcron'], 2), true);
  assert.equal(rounds('b', ['mailcron'], 3), false);
  assert.equal(rounds('b', ['mailcron', 'cron'], 1), false);
  assert.equal(rounds('a', ['cron'], 1), true);
});

test('plans begin with what there are goals for, and have everything once', () => {
  const [all, goals] = [plans.all.asks.map(titleOf), plans.goals.asks.map(titleOf)];
  assert.deepEqual(all.slice(0, goals.length), goals);
  assert.equal(new Set(all).size, all.length);
  assert.deepEqual(inOrder(all).slice(0, 3), ['1 job', '10 jobs', '100 jobs']);
  const names = ['mailcron', 'cron', 'bcron', 'busybox', 'mcron'];
  assert.ok(minutesOf(plans.goals.asks, names, 5) < 95);
  assert.deepEqual(able({ name: 'list' }, names), names.slice(0, 4));
  assert.deepEqual(able({ name: 'memory', size: 100_000 }, ['cron', 'mcron']), ['cron']);
});
