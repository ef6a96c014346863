/** The account check: what PAM's answers mean, for how long they hold, and what no answer means. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Account, everyone, pamAccount, type Verdict } from '../../src/run/account.ts';
import type { Check } from '../../src/run/checks.ts';
import type { PamAnswer } from '../../src/system/libc/pam.ts';
import type { Patience } from '../../src/system/remember.ts';
import type { Log } from '../../src/system/sink.ts';

const silent: Log = () => {};
const isSetUp = (): boolean => true;
const accountOf = (check: Check, patience: Patience, log = silent): Account =>
  pamAccount(check, log, patience, isSetUp);

const PATIENCE = { timeout: 10_000, keep: 60_000 };
const never = (): Promise<PamAnswer> => new Promise(() => {});
const verdictOn = (status: number): Promise<Verdict> =>
  accountOf(() => Promise.resolve({ status, text: 'so it is' }), PATIENCE)('alice');

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
    const kept = accountOf(check, PATIENCE);
    await Promise.all([kept('alice'), kept('alice')]);
    await kept('alice');
    assert.equal(asked, 1);
    const old = accountOf(check, { ...PATIENCE, keep: 0 });
    await old('alice');
    await old('alice');
    assert.equal(asked, 3);
  }
});

test('pamAccount() holds up nobody but whose answer does not come', async () => {
  const account = accountOf(
    (user) => (user === 'bob' ? never() : Promise.resolve({ status: 0, text: '' })),
    { timeout: 50, keep: 60_000 },
  );
  const bob = account('bob');
  assert.deepEqual(await account('alice'), { isAllowed: true });
  const why = 'it did not answer for "bob" in 0.05 s';
  assert.deepEqual(await bob, { isAllowed: false, why, isTrouble: true });
});

test('pamAccount() goes on with its last answer when none comes, and logs it once', async () => {
  const expired = { status: 13, text: 'expired' };
  const answers: (() => Promise<PamAnswer>)[] = [
    () => Promise.resolve(expired),
    () => Promise.reject(new Error('it died')),
    () => Promise.reject(new Error('it died')),
    () => Promise.resolve(expired),
    () => Promise.reject(new Error('it died again')),
    never,
  ];
  const said: string[] = [];
  const account = accountOf(
    () => (answers.shift() ?? never)(),
    { timeout: 20, keep: 0 },
    (who, event, detail) => said.push(`(${who}) ${event} (${detail})`),
  );
  for (let asked = 0; asked < 7; asked++)
    assert.deepEqual(await account('dave'), {
      isAllowed: false,
      why: 'expired',
      isTrouble: false,
    });
  assert.deepEqual(said, [
    '(dave) ERROR (PAM: it died; what it answered last holds)',
    '(dave) ERROR (PAM: it died again; what it answered last holds)',
  ]);
});

test('pamAccount() tells errno of a PAM that could not be asked', async () => {
  const full = Object.assign(new Error('spawn EAGAIN'), { code: 'EAGAIN' });
  assert.deepEqual(await accountOf(() => Promise.reject(full), PATIENCE)('alice'), {
    isAllowed: false,
    why: 'resource temporarily unavailable',
    isTrouble: true,
    code: 'EAGAIN',
  });
});

test('pamAccount() asks nobody where cron has no PAM service', async () => {
  const account = pamAccount(never, silent, PATIENCE, () => false);
  assert.deepEqual(await account('alice'), { isAllowed: true });
  assert.deepEqual(await everyone('alice'), { isAllowed: true });
});
