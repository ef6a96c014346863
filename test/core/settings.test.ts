import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Environment } from '../../src/core/environment.ts';
import { refuseSetting, type Settings, settingsOf } from '../../src/core/settings.ts';

const unlimited = { memory: 0, memoryPercent: 0, cpu: 0, tasks: 0 };

const none: Settings = {
  zone: '',
  randomDelay: 0,
  mailSuccess: 'nonempty',
  timeout: 0,
  expect: 0,
  overlap: 'allow',
  catchup: 'skip',
  limits: unlimited,
};

const read: readonly [Environment, Partial<Settings>][] = [
  [[], {}],
  [[['CRON_TZ', 'Europe/Berlin']], { zone: 'Europe/Berlin' }],
  [[['CRON_TZ', '']], {}],
  [[['RANDOM_DELAY', '1440']], { randomDelay: 1440 }],
  [[['CRON_MAIL_SUCCESS', 'never']], { mailSuccess: 'never' }],
  [[['CRON_TIMEOUT', '90']], { timeout: 90 }],
  [[['CRON_TIMEOUT', '90s']], { timeout: 90 }],
  [[['CRON_TIMEOUT', '15m']], { timeout: 900 }],
  [[['CRON_TIMEOUT', '2h']], { timeout: 7200 }],
  [[['CRON_TIMEOUT', '1d']], { timeout: 86_400 }],
  [[['CRON_EXPECT', '26h']], { expect: 93_600 }],
  [[['CRON_EXPECT', '366d']], { expect: 31_622_400 }],
  [[['CRON_EXPECT', '367d']], {}],
  [[['CRON_OVERLAP', 'queue']], { overlap: 'queue' }],
  [[['CRON_CATCHUP', 'all']], { catchup: 'all' }],
  [[['CRON_CATCHUP', 'All']], {}],
  [[['CRON_MEMORY', '512M']], { limits: { ...unlimited, memory: 536_870_912 } }],
  [[['CRON_MEMORY', '50%']], { limits: { ...unlimited, memoryPercent: 50 } }],
  [[['CRON_CPU', '200%']], { limits: { ...unlimited, cpu: 200 } }],
  [[['CRON_TASKS', '20']], { limits: { ...unlimited, tasks: 20 } }],
  [[['TZ', 'Europe/Berlin']], {}],
  [[['RANDOM_DELAY', '']], {}],
  [[['CRON_OVERLAP', '']], {}],
];

for (const [environment, expected] of read) {
  test(`settingsOf() reads ${JSON.stringify(environment)}`, () => {
    assert.deepEqual(settingsOf(environment), { ...none, ...expected });
  });
}

const refused: readonly [name: string, value: string, message: string][] = [
  [
    'CRON_TZ',
    'Europe/Berlim',
    '"Europe/Berlim" is no time zone: write a name such as "Europe/Berlin" or "UTC"',
  ],
  ['CRON_TZ', '+01:00', '"+01:00" is no time zone: write a name such as "Europe/Berlin" or "UTC"'],
  [
    'CRON_TZ',
    ':/etc/localtime',
    '":/etc/localtime" is no time zone: write a name such as "Europe/Berlin" or "UTC"',
  ],
  [
    'CRON_EXPECT',
    'daily',
    '"daily" is no time: write seconds, or a number with s, m, h or d, up to 366d',
  ],
  ['RANDOM_DELAY', '1441', '"1441" is no number of minutes from 0 to 1440'],
  ['RANDOM_DELAY', '-5', '"-5" is no number of minutes from 0 to 1440'],
  ['CRON_MAIL_SUCCESS', 'no', '"no" is none of always, nonempty, never'],
  [
    'CRON_TIMEOUT',
    'soon',
    '"soon" is no time: write seconds, or a number with s, m, h or d, up to 24d',
  ],
  [
    'CRON_TIMEOUT',
    '25d',
    '"25d" is no time: write seconds, or a number with s, m, h or d, up to 24d',
  ],
  ['CRON_OVERLAP', 'forbid', '"forbid" is none of allow, skip, queue'],
  ...['lots', '1.5G', '101%', '9000000000T', '-1', '1G --x'].map(
    (value): [string, string, string] => [
      'CRON_MEMORY',
      value,
      `"${value}" is no amount of memory: write bytes, a number with K, M, G or T, or a percentage up to 100%`,
    ],
  ),
  [
    'CRON_CPU',
    '2',
    '"2" is no share of a processor: write a percentage such as 50%, or 200% for two of them',
  ],
  ['CRON_TASKS', '4194305', '"4194305" is no number of processes from 0 to 4194304'],
  ['CRON_CATCHUP', 'yes', '"yes" is none of skip, once, all'],
];

for (const [name, value, message] of refused) {
  test(`refuseSetting() refuses ${name}=${value}`, () => {
    assert.equal(refuseSetting(name, value), message);
    assert.deepEqual(settingsOf([[name, value]]), none);
  });
}

test('refuseSetting() has nothing against any other variable', () => {
  assert.equal(refuseSetting('MAILTO', ''), null);
  assert.equal(refuseSetting('constructor', 'x'), null);
});
