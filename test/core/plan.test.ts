import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { agenda, zonesOf } from '../../src/core/agenda.ts';
import { type Crontab, parseCrontab } from '../../src/core/crontab.ts';
import { pack } from '../../src/core/entries.ts';
import { planOf, seedOf, type Table } from '../../src/core/plan.ts';
import { isDue, wakeAll, zoneOf } from '../../src/core/zones.ts';

const HOST = 'host';

function tableOf(label: string, text: string): Table {
  return { label, entries: pack(parsed(text).entries) };
}

function parsed(text: string): Crontab {
  return parseCrontab(text, { kind: 'user', owner: 'alice', seed: '' });
}

const lines = fc.constantFrom(
  '* * * * * a',
  '*/5 * * * * b',
  '30 2 * * * c',
  '0,30  2 1 * 1 d',
  '@hourly e',
  '@reboot f',
  '0~59 * * * * g',
  'RANDOM_DELAY=7',
  'RANDOM_DELAY=1440',
  'RANDOM_DELAY=0',
  'CRON_TZ=Europe/Berlin',
  'CRON_TZ=',
  'A=b',
);

test('agenda() lists what each entry would tell by itself, in the order of the file', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(lines, { maxLength: 20 }), { maxLength: 4 }),
      fc.integer({ min: 0, max: 2 * 1440 }),
      fc.integer({ min: 1, max: 200 }),
      (texts, minute, gap) => {
        const tabs = texts.map((text, n) => tableOf(`${n}`, `${text.join('\n')}\n`));
        // The same crontabs are asked again: in the next minute, in other hours, and when the clock was set back.
        for (const at of [minute, minute + 1, minute + 61, minute - 1440]) {
          const nowIn = (zone: string): { utc: number; local: number } => {
            const utc = 29_000_000 + at;
            return { utc, local: utc + (zone === '' ? 0 : 120) };
          };
          const lasts = Object.fromEntries(
            ['', 'Europe/Berlin'].map((zone) => {
              const { utc, local } = nowIn(zone);
              return [zone, { fixed: local - gap, wild: utc - gap }];
            }),
          );
          const { wakes } = wakeAll(lasts, zonesOf(tabs, HOST), nowIn);
          const past = { away: () => null, firstSeen: () => 0 };
          const found = agenda(tabs, wakes, past, HOST).map((round) =>
            round.map(({ tab, entry, visit }) => [tab.label, entry.line, visit.utc]),
          );

          const expected: (string | number)[][][] = [];
          for (const tab of tabs)
            for (const entry of tab.entries)
              for (const [round, visit] of (wakes.get(zoneOf(entry))?.visits ?? []).entries())
                if (isDue(entry, visit, seedOf(HOST, tab.label)))
                  (expected[round] ??= []).push([tab.label, entry.line, visit.utc]);
          assert.deepEqual(
            found,
            expected.filter((round) => round.length > 0), // passes over holes
          );
        }
      },
    ),
  );
});

test('planOf() has one group for entries of the same schedule, however they are spelled apart', () => {
  const many = tableOf('alice', '* * * * * a\n'.repeat(5000) + '*  * * *\t* b\n'.repeat(5000));
  assert.equal(planOf(many, 'seed').schedules.length, 1);
  assert.equal(planOf(many, 'seed').members.length, 10_000);
  assert.equal(planOf(many, 'seed'), planOf(many, 'seed'));
});

test('planOf() tells apart schedules, zones, delays and what catches up', () => {
  const text = [
    '* * * * * a',
    '0 * * * * a',
    'CRON_TZ=UTC\n* * * * * b',
    'CRON_CATCHUP=all\n* * * * * c',
    'RANDOM_DELAY=1440\n* * * * * d',
  ].join('\n');
  const plan = planOf(tableOf('alice', `${text}\n`), 'seed');
  assert.equal(plan.schedules.length, 5);
  assert.deepEqual([...plan.zones], ['', 'UTC']);
});

test('parseCrontab() shares schedules between crontabs, but none that is drawn or odd', () => {
  const [one, other] = ['7 3 * * 1 a', '7  3 * *  1\tb'].map((line) => parsed(`${line}\n`));
  assert.equal(one?.entries[0]?.schedule, other?.entries[0]?.schedule);
  const odd = '0-10/40 * * * * a\n';
  assert.deepEqual([parsed(odd).problems.length, parsed(odd).problems.length], [1, 1]);
  const drawn = parsed('0~59 * * * * a\n0~59 * * * * b\n0~59 * * * * c\n').entries;
  assert.equal(new Set(drawn.map(({ schedule }) => schedule)).size, 3);
});

test('an entry takes less than 160 bytes, with its text and its place in the plan', () => {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  assert.ok(typeof collect === 'function');
  const used = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const entries = 50_000;
  const text = (tab: number): string =>
    Array.from({ length: 1000 }, (_, n) => {
      const time = n % 10 === 0 ? '*/5 * * * *' : `${(n * 7) % 60} ${(n * 3) % 24} * * ${n % 7}`;
      return `${time} /usr/local/bin/job-${tab}-${n} --do something >/dev/null\n`;
    }).join('');
  const before = used();
  const tabs = Array.from({ length: entries / 1000 }, (_, n) =>
    tableOf(`${n}`, Buffer.from(text(n)).toString('latin1')),
  );
  zonesOf(tabs, HOST);
  const bytes = (used() - before) / entries;
  assert.equal(zonesOf(tabs, HOST).size, 1);
  assert.ok(bytes < 160, `${bytes.toFixed(0)} bytes an entry`);
});
