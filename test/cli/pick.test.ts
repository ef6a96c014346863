import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameOf, pickEntry } from '../../src/cli/pick.ts';
import { identityOf } from '../../src/run/firing.ts';
import { parseTab } from '../../src/spool/tab.ts';

const place = (label: string, path: string, user: string | null) => ({
  label,
  path,
  shown: path,
  user,
});
const tabs = [
  parseTab(
    place('alice', '/spool/alice', 'alice'),
    '@daily backup --all\n\n@daily echo caf\xc3\xa9\n',
    'h',
  ),
  parseTab(place('bob', '/spool/bob', 'bob'), '@daily backup\n@daily 12 o clock\n', 'h'),
  parseTab(place('*system*', '/etc/crontab', null), 'A=b\n@daily root run-parts x\n', 'h'),
  parseTab(place('*system*backup', '/etc/cron.d/backup', null), '@daily root a:1\n', 'h'),
];
const [first] = tabs;
const [entry] = first?.entries ?? [];
assert.ok(first && entry);

/** Words, and what alice means by them. */
const table: Record<string, string | readonly string[]> = {
  '1': 'alice:1',
  '3': 'alice:3',
  '2': [], // an empty line
  'alice:3': 'alice:3',
  'bob:2': 'bob:2',
  '/etc/crontab:2': '/etc/crontab:2',
  'crontab:2': '/etc/crontab:2',
  'backup:1': '/etc/cron.d/backup:1',
  'etc/cron.d/backup:1': '/etc/cron.d/backup:1',
  'ackup:1': [],
  'carol:1': [],
  'backup --a': 'alice:1',
  'run-parts': '/etc/crontab:2',
  // A whole command is meant before a part of another.
  backup: 'bob:1',
  bac: ['alice:1', 'bob:1'],
  café: 'alice:3',
  '12': [], // no line, whatever the commands are
  'bob:12': [],
  '12 o': 'bob:2',
  'a:1': '/etc/cron.d/backup:1',
  [identityOf(first.label, entry)]: 'alice:1',
  nothing: [],
};
for (const [word, expected] of Object.entries(table))
  test(`pickEntry() knows what "${word}" means`, () => {
    const found = pickEntry(word, tabs, 'alice');
    assert.deepEqual(found.ok ? nameOf(found.value) : found.candidates.map(nameOf), expected);
  });

test('pickEntry() lists the first of many, and counts them all', () => {
  const many = parseTab(place('bob', '/spool/bob', 'bob'), '@daily backup\n'.repeat(500), 'h');
  const found = pickEntry('back', [many], 'bob');
  assert.ok(!found.ok);
  assert.deepEqual([found.candidates.length, found.count], [10, 500]);
});
