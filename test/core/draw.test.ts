import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hash, stableDraw } from '../../src/core/draw.ts';

test('hash() is FNV-1a', () => {
  assert.equal(hash('') >>> 0, 0x811c9dc5);
  assert.equal(hash('a') >>> 0, 0xe40c292c);
  assert.equal(hash('foobar') >>> 0, 0xbf9cf968);
});

test('hash() goes on where another hash ended', () => {
  assert.equal(hash('bar', hash('foo')), hash('foobar'));
});

test('stableDraw() gives the same number for the same seed and place', () => {
  assert.equal(stableDraw(1)(0, 59, 'minute 0'), stableDraw(1)(0, 59, 'minute 0'));
});

test('stableDraw() stays within its bounds', () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(59), fc.nat(59), fc.string(), (seed, low, more, place) => {
      const value = stableDraw(seed)(low, low + more, place);
      assert.ok(Number.isInteger(value) && value >= low && value <= low + more);
    }),
  );
});

test('stableDraw() spreads a thousand hosts over all minutes, evenly', () => {
  const counts = Array.from({ length: 60 }, () => 0);
  for (let host = 0; host < 6000; host++) {
    const minute = stableDraw(hash(`host${host}.example.org`))(0, 59, 'minute 0');
    counts[minute] = (counts[minute] ?? 0) + 1;
  }
  // 100 are expected in each; five standard deviations are 50.
  assert.ok(Math.min(...counts) > 50 && Math.max(...counts) < 150, counts.join(' '));
});

test('stableDraw() tosses coins of one line independently', () => {
  let same = 0;
  for (let seed = 0; seed < 1000; seed++) {
    const draw = stableDraw(hash(`${seed}`));
    if (draw(0, 1, 'minute 0') === draw(0, 1, 'minute 1')) same++;
  }
  assert.ok(same > 400 && same < 600, `${same}`);
});
