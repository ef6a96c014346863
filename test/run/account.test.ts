/** The account check: what PAM's answers mean, for how long they hold, and what no answer means. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everyone, pamAccount, type Verdict } from '../../src/run/account.ts';
import type { PamAnswer } from '../../src/system/libc/pam.ts';

const PATIENCE = { timeout: 10_000, keep: 60_000 };
const never = (): Promise<PamAnswer> => new Promise(() => {});
const verdictOn = (status: number): Promise<Verdict> =>
  pamAccount(PATIENCE, () => Promise.resolve({ status, text: 'so it is' }))('alice');

const refused = { isAllowed: false, why: 'so it is', isTrouble: false };
const broken = { isAllowed: false, why: 'so it is', isTrouble: true };
const table: Record<string, readonly [number, Verdict]> = {
  'success as leave': [0, { isAllowed: true }],
  'a permission denied (nologin, access.conf) as a refusal': [6, refused],
  'a failed authentication (pam_deny) as a refusal': [7, refused],
  'a user that is unknown to it as a refusal': [10, refused],
  'a password that has expired as a refusal': [12, refused],
  'an account that has expired as a refusal': [13, refused],
  'a module that cannot be loaded as trouble': [28, broken],
  'a system error (no such service) as trouble': [4, broken],
  'a database out of reach as trouble': [9, broken],
};
for (const [what, [status, verdict]] of Object.entries(table))
  test(`pamAccount() takes ${what}`, async () =>
    assert.deepEqual(await verdictOn(status), verdict));

test('pamAccount() asks again only when the answer is old, whatever it was', async () => {
  for (const status of [0, 13, 28]) {
    let asked = 0;
    const check = (): Promise<PamAnswer> => Promise.resolve({ status, text: `${++asked}` });
    const kept = pamAccount(PATIENCE, check);
    await Promise.all([kept('alice'), kept('alice')]);
    await kept('alice');
    assert.equal(asked, 1);
    const old = pamAccount({ ...PATIENCE, keep: 0 }, check);
    await old('alice');
    await old('alice');
    assert.equal(asked, 3);
  }
});

test('pamAccount() holds up nobody but whose answer does not come', async () => {
  const account = pamAccount({ timeout: 50, keep: 60_000 }, (user) =>
    user === 'bob' ? never() : Promise.resolve({ status: 0, text: '' }),
  );
  const bob = account('bob');
  assert.deepEqual(await account('alice'), { isAllowed: true });
  const why = 'PAM did not answer for "bob" in 0.05 s';
  assert.deepEqual(await bob, { isAllowed: false, why, isTrouble: true });
});

test('pamAccount() goes on with its last answer when none comes', async () => {
  const answers = [Promise.resolve({ status: 13, text: 'expired' })];
  const account = pamAccount({ timeout: 20, keep: 0 }, () => answers.pop() ?? never());
  const expired = { isAllowed: false, why: 'expired', isTrouble: false };
  assert.deepEqual(await account('dave'), expired);
  assert.deepEqual(await account('dave'), expired);
});

test('pamAccount() lets everyone run where there is no PAM', () => {
  assert.equal(pamAccount(PATIENCE, null), everyone);
});
