/** The way by which root becomes somebody else: it is that one, whole, and believed only if it is. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { findDrop, isOnly } from '../../src/run/drop.ts';
import { needsRoot } from '../support/sandbox.ts';

const SOMEBODY = { uid: 4711, gid: 4712, groups: [4714, 4713] };
const STATUS = `Name:\tcat
Uid:\t4711\t4711\t4711\t4711
Gid:\t4712\t4712\t4712\t4712
Groups:\t4713 4714${' '}
CapInh:\t0000000000000000
CapPrm:\t0000000000000000
CapEff:\t0000000000000000
CapBnd:\t000001ffffffffff
CapAmb:\t0000000000000000
`;

test('isOnly() tells whether a process is somebody and nobody else', () => {
  assert.ok(isOnly(SOMEBODY, STATUS));
  const others: readonly (readonly [string, string])[] = [
    ['Uid:\t4711\t4711\t4711\t4711', 'Uid:\t4711\t4711\t0\t4711'],
    ['Uid:\t4711', 'Uid:\t0'],
    ['Gid:\t4712\t4712\t4712\t4712', 'Gid:\t4712\t4712\t4712\t0'],
    ['Groups:\t4713 4714', 'Groups:\t0 4713 4714'],
    ['Groups:\t4713 4714', 'Groups:\t4713'],
    ['Groups:\t4713 4714', 'Groups:\t'],
    ['CapPrm:\t0000000000000000', 'CapPrm:\t0000000000000001'],
    ['CapEff:\t0000000000000000', 'CapEff:\t000001ffffffffff'],
    ['CapAmb:\t0000000000000000', 'CapAmb:\t0000000000000002'],
    [STATUS, ''],
  ];
  for (const [from, to] of others)
    assert.equal(isOnly(SOMEBODY, STATUS.replace(from, to)), false, to);
});

test('findDrop() finds words that make a process somebody and nobody else', needsRoot, async () => {
  const drop = await findDrop();
  if (existsSync('/usr/sbin/chroot')) assert.equal(drop(SOMEBODY)[0], '/usr/sbin/chroot');
  for (const identity of [SOMEBODY, { ...SOMEBODY, groups: [] }, { ...SOMEBODY, groups: [4712] }]) {
    const [file, ...args] = [...drop(identity), '/bin/cat', '/proc/self/status'];
    const status = execFileSync(file ?? '', args, { env: {}, encoding: 'latin1' });
    assert.ok(isOnly(identity, status), status);
  }
});
