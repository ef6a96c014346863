import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCrontab } from '../../src/core/crontab.ts';
import { entriesWhere, pack } from '../../src/core/entries.ts';
import type { CrontabKind } from '../../src/core/entry.ts';
import type { Environment } from '../../src/core/environment.ts';
import type { Schedule } from '../../src/core/schedule.ts';

const lines = fc.constantFrom(
  '* * * * * alice',
  '*/5  * * * *\talice  b',
  '0~59 * * * * bob c',
  '@reboot bob d',
  '@hourly alice -n e',
  '-30 2 * * * alice quiet',
  '30 2 * * * alice -sq  both',
  '1 2 3 4 * alice date +\\%F',
  '1 2 3 4 * alice cat%in%put',
  '1 2 3 4 * alice cat%',
  '1 2 3 4 * \xe4\xff \xfc\xdf',
  '61 * * * * alice wrong',
  'CRON_TZ=UTC',
  'A=b',
  '',
);

test('pack() gives back each entry as it was, by its place and in turn', () => {
  fc.assert(
    fc.property(
      fc.array(lines, { maxLength: 30 }),
      fc.constantFrom<CrontabKind>('user', 'system'),
      (texts, kind) => {
        const options = { kind, owner: 'root', seed: '' };
        const { entries } = parseCrontab(`${texts.join('\n')}\n`, options);
        const packed = pack(entries);
        assert.deepEqual([...packed], entries);
        assert.deepEqual(
          entries.map((_, index) => packed.at(index)),
          entries,
        );
        assert.equal(packed.length, entries.length);
        assert.equal(packed.at(entries.length), undefined);
        const isWanted = (environment: Environment, { kind: when }: Schedule): boolean =>
          environment.length === 0 && when === 'times';
        const wanted = entries.filter((entry) => isWanted(entry.environment, entry.schedule));
        assert.deepEqual(entriesWhere(packed, isWanted), wanted);
        assert.deepEqual(entriesWhere(entries, isWanted), wanted);
      },
    ),
  );
});

test('pack() has schedules, flags and environments in common with what it was given', () => {
  const { entries } = parseCrontab('A=b\n* * * * * -n a\n* * * * * -n b\n', {
    kind: 'user',
    owner: 'alice',
    seed: '',
  });
  const packed = pack(entries);
  for (const [index, { schedule, flags, environment }] of entries.entries()) {
    const entry = packed.at(index);
    assert.ok(entry);
    assert.ok(entry.schedule === schedule && entry.flags === flags);
    assert.equal(entry.environment, environment);
  }
});
