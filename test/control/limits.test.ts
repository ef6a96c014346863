import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Shares } from '../../src/control/limits.ts';

test('Shares gives no user more than their share, and all together no more than there is', () => {
  const shares = new Shares(3, 5);
  assert.ok(shares.take(1, 3) && !shares.take(1, 1));
  assert.ok(shares.take(2, 2) && !shares.take(2, 1));
  assert.ok(!shares.take(3, 1));
  shares.give(1, 1);
  assert.ok(shares.take(3, 1) && !shares.take(3, 1));
});

test('Shares lets nobody take what is root’s, nor root what is theirs', () => {
  const shares = new Shares(3, 5);
  for (const uid of [1, 2]) shares.take(uid, 2);
  assert.ok(shares.take(0, 5) && !shares.take(0, 1));
  assert.ok(shares.take(3, 1));
});

test('Shares is as it was when all is given back', () => {
  const step = fc.record({ uid: fc.nat(3), amount: fc.nat(4) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const shares = new Shares(3, 5);
      for (const { uid, amount } of steps.filter((one) => shares.take(one.uid, one.amount)))
        shares.give(uid, amount);
      for (const uid of [1, 2]) assert.ok(shares.take(uid, uid === 1 ? 3 : 2));
      assert.ok(!shares.take(3, 1) && shares.take(0, 5));
    }),
  );
});
