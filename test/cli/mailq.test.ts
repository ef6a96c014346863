import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asTable } from '../../src/cli/mailq.ts';
import type { MailInfo } from '../../src/control/answers.ts';

const now = Date.parse('2026-11-22T14:05:30Z');
const mail: MailInfo = {
  id: '1000-r-1',
  state: 'waiting',
  user: 'al',
  recipients: ['a@x', 'b@y'],
  size: 420,
  since: '2026-11-22T13:00:00Z',
  tries: 3,
  next: '2026-11-22T14:20:30Z',
  trying: null,
  reason: 'no relay\ntoday\x1b[2J',
};

test('asTable() lines mails up, and nothing of theirs commands the terminal', () => {
  const mails = [
    mail,
    { ...mail, id: '1001-run-22', user: 'robert', size: 123_456, tries: 12, trying: mail.since },
    { ...mail, next: '2026-11-22T14:00:00Z' },
    { ...mail, next: null, state: 'given up' } as const,
  ];
  assert.deepEqual(asTable(mails, 9, now).split('\n'), [
    'ID           USER      SIZE  SINCE      TRIES  NEXT',
    '1000-r-1     al         420  1 h 5 min      3  in 15 min',
    '    to a@x, b@y',
    '    no relay today?[2J',
    '1001-run-22  robert  123456  1 h 5 min     12  now',
    '    to a@x, b@y',
    '    no relay today?[2J',
    '1000-r-1     al         420  1 h 5 min      3  due',
    '    to a@x, b@y',
    '    no relay today?[2J',
    '1000-r-1     al         420  1 h 5 min      3  given up',
    '    to a@x, b@y',
    '    no relay today?[2J',
    'and 5 more',
  ]);
});

test('asTable() says that there is none', () => {
  assert.equal(asTable([], 0, now), 'no mail waits');
});
