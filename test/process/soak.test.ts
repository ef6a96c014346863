/** An hour and a half of crontabs of real shape, on a clock of the test: each job runs once. `npm run soak` has the whole day. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { soak } from '../../bench/soak/course.ts';
import { needsRoot } from '../support/sandbox.ts';

test(
  'cron starts each job of an hour and a half once, while summer time ends',
  needsRoot,
  async (t) => {
    const { runs, mails, samples, wrong } = await soak({
      crontabs: 40,
      minutes: 90,
      seed: 4,
      zone: 'Europe/Berlin',
      from: Date.parse('2026-10-25T00:00Z'),
      say: (line) => t.diagnostic(line),
    });
    assert.deepEqual(wrong, []);
    assert.ok(runs > 200 && mails > 30, `${runs} runs, ${mails} mails`);
    const [first, last] = [samples[0]?.descriptors ?? 0, samples.at(-1)?.descriptors ?? 0];
    assert.ok(first > 0 && last <= first + 2, `${first}, then ${last} descriptors`);
  },
);
