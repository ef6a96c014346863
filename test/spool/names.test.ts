import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSystemTab, isUserTab } from '../../src/spool/names.ts';

const users: Record<string, boolean> = {
  alice: true,
  'jean-luc.picard': true,
  'm.müller@example.org': true,
  tmpfs: true,
  '': false,
  '.': false,
  '.hidden': false,
  'tmp.a1B2c3': false,
  'a/b': false,
  '../root': false,
  'a\nb': false,
  'a\u0085b': false,
};
for (const [name, expected] of Object.entries(users)) {
  test(`isUserTab() says ${expected} to ${JSON.stringify(name)}`, () => {
    assert.equal(isUserTab(name), expected);
  });
}

/** Name → whether it counts by Debian's own rule, and by the LSB's. */
const system: Record<string, readonly [debian: boolean, lsb: boolean]> = {
  sysstat: [true, true],
  'php-fpm': [true, true],
  e2scrub_all: [true, false],
  Upper: [true, false],
  '-dash': [true, false],
  '0anacron': [true, true],
  'example.com-backup': [false, true],
  '_vendor-job': [true, true],
  'vendor.org-a-b': [false, true],
  'vendor.org-a_b': [false, false],
  'a.b-dpkg-old': [false, false],
  'cron-dpkg-dist': [true, false],
  'job.dpkg-dist': [false, false],
  'job~': [false, false],
  '.placeholder': [false, false],
  'a b': [false, false],
  'a\n': [false, false],
};
for (const [name, [debian, lsb]] of Object.entries(system)) {
  test(`isSystemTab() says ${debian}, and with -l ${lsb}, to ${JSON.stringify(name)}`, () => {
    assert.deepEqual([isSystemTab(name, false), isSystemTab(name, true)], [debian, lsb]);
  });
}
