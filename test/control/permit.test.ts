import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Caller,
  isRequest,
  permit,
  type Realm,
  type RequestName,
} from '../../src/control/permit.ts';

const ROOT: Caller = { pid: 1, uid: 0, name: 'root' };
const ALICE: Caller = { pid: 2, uid: 1001, name: 'alice' };
const BOB: Caller = { pid: 3, uid: 1002, name: 'bob' };
/** Another name of root's. */
const TOOR: Caller = { pid: 4, uid: 0, name: 'toor' };

const everybody: Realm['access'] = () => ({ allowed: true });
const noBob: Realm['access'] = (user) => ({ allowed: user !== 'bob' });
const roots = { uid: 0, onlyUser: null };
const alices = { uid: 1001, onlyUser: 'alice' };

const TABLES: readonly RequestName[] = ['list', 'install', 'remove', 'backups', 'backup'];

function decide(
  requests: readonly RequestName[],
  caller: Caller,
  user: string,
  realm: Realm,
): string {
  const words = requests.map((request) => permit(request, caller, user, realm)?.error ?? 'yes');
  return [...new Set(words)].join();
}

const rows: readonly [Caller, user: string, Omit<Realm, 'access'>, Realm['access'], string][] = [
  [ROOT, 'root', roots, everybody, 'yes'],
  [ROOT, 'alice', roots, everybody, 'yes'],
  [TOOR, 'alice', roots, everybody, 'yes'],
  [ALICE, 'alice', roots, everybody, 'yes'],
  [ALICE, 'bob', roots, everybody, 'denied'],
  [ALICE, 'root', roots, everybody, 'denied'],
  [ALICE, 'nobody-has-this-name', roots, everybody, 'denied'],
  [ALICE, 'Alice', roots, everybody, 'denied'],
  [ALICE, '', roots, everybody, 'denied'],
  // cron.allow and cron.deny: the crontab's user counts, not who asks.
  [BOB, 'bob', roots, noBob, 'not-allowed'],
  [ROOT, 'bob', roots, noBob, 'not-allowed'],
  [BOB, 'alice', roots, noBob, 'denied'],
  [ALICE, 'alice', roots, noBob, 'yes'],
  // A daemon of alice's own.
  [ALICE, 'alice', alices, everybody, 'yes'],
  [ALICE, 'bob', alices, everybody, 'denied'],
  [ROOT, 'alice', alices, everybody, 'yes'],
  [ROOT, 'root', alices, everybody, 'denied'],
  [BOB, 'bob', alices, everybody, 'denied'],
  [BOB, 'alice', alices, everybody, 'denied'],
];
for (const [caller, user, realm, access, expected] of rows) {
  const whose = `${realm.uid === 0 ? 'root' : 'alice'}'s daemon`;
  const lists = access === noBob ? ', bob being denied' : '';
  test(`permit() says "${expected}" to ${caller.name} for ${user}'s crontab, in ${whose}${lists}`, () => {
    assert.equal(decide(TABLES, caller, user, { ...realm, access }), expected);
  });
}

test('permit() lets root and the own user of the daemon alone administer it', () => {
  for (const [caller, user, realm, expected] of [
    [ROOT, 'root', roots, 'yes'],
    [ALICE, 'alice', roots, 'denied'],
    [ALICE, 'alice', alices, 'yes'],
    [ROOT, 'root', alices, 'yes'],
    [BOB, 'bob', alices, 'denied'],
  ] as const)
    assert.equal(decide(['reload'], caller, user, { ...realm, access: everybody }), expected);
});

test('permit() tells users of their own jobs and mails, whatever cron.deny says', () => {
  const own = ['status', 'history', 'log', 'mailq', 'flush'] as const;
  assert.equal(decide(own, BOB, 'bob', { ...roots, access: noBob }), 'yes');
  assert.equal(decide(own, BOB, 'alice', { ...roots, access: noBob }), 'denied');
  assert.equal(decide(own, ROOT, 'bob', { ...roots, access: noBob }), 'yes');
});

test('permit() refuses in the words of crontab(1), and says why a list cannot be read', () => {
  const access = (): ReturnType<Realm['access']> => ({
    allowed: false,
    trouble: '/etc/cron.deny: permission denied',
  });
  assert.deepEqual(permit('list', ALICE, 'alice', { ...roots, access }), {
    ok: false,
    error: 'not-allowed',
    message:
      'You (alice) are not allowed to use this program (crontab): /etc/cron.deny: permission denied',
  });
  assert.equal(
    permit('list', ROOT, 'bob', { ...roots, access: noBob })?.message,
    'The user bob cannot use this program (crontab)',
  );
});

test('isRequest() knows no request by what every object has', () => {
  assert.ok(isRequest('list'));
  for (const name of ['', 'List', 'toString', '__proto__', 'constructor'])
    assert.ok(!isRequest(name));
});
