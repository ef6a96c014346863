/** What becomes of mails that wait: tried again and again, given up after five days, never lost, never sent twice. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { RoundsTools } from '../../src/mail/rounds.ts';
import type { Outgoing } from '../../src/system/outgoing.ts';
import { until } from '../support/wait.ts';
import { BEGIN, DAY, HOUR, Keeping, MINUTE, no, userOf } from './keeping.ts';

const minutes = (times: readonly { readonly at: number }[]): number[] =>
  times.map(({ at }) => Math.round(at / MINUTE));

test('Rounds hands a mail over, byte for byte, and forgets it', async (t) => {
  const keeping = new Keeping(t);
  const chunks = async function* (): AsyncIterable<Uint8Array> {
    yield Buffer.from('\xe9\0\r\n.\n', 'latin1');
  };
  await keeping.post('one', {
    head: 'Subject: \xe9\n\n',
    size: 100, // were printed
    chunks,
    recipients: ['a', 'b@c'],
  });
  let printed = 0;
  keeping.hand = ({ size }) => {
    printed = size;
    return [];
  };
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  assert.equal(printed, 100);
  const [given] = keeping.given;
  assert.deepEqual(given, {
    at: 0,
    run: 'one',
    recipients: ['a', 'b@c'],
    text: 'Subject: \xe9\n\n\xe9\0\r\n.\n',
  });
  assert.deepEqual([keeping.ids(), keeping.ids('old'), rounds.size], [[], [], 0]);
  assert.deepEqual(keeping.logged, ['(alice) MAIL (1001-one was delivered at try 1)']);
});

test('Rounds finds in a minute what was posted without a word', async (t) => {
  const keeping = new Keeping(t);
  const rounds = await keeping.open();
  await pause(2100); // until its directories are no longer young
  // Nothing is there to be found; what comes then changes the directory.
  for (let minute = 0; minute < 3; minute++) {
    rounds.minute();
    await keeping.quiet(rounds);
  }
  await keeping.post('one');
  rounds.minute();
  await keeping.quiet(rounds);
  assert.deepEqual(
    keeping.given.map(({ run }) => run),
    ['one'],
  );
});

test('Rounds tells what became of the mails of runs, and of no others', async (t) => {
  const keeping = new Keeping(t);
  const told: string[] = [];
  const onLater: RoundsTools['onLater'] = (run, { fate }) => void told.push(`${run} ${fate}`);
  keeping.hand = ({ run, recipients }) =>
    run === 'sent' || run === 'handed-in' ? [] : no(recipients.slice(0, 1), true, 'no such user');
  keeping.deposit = ({ recipients }) =>
    keeping.now < BEGIN + DAY ? [] : no(recipients, true, 'no mailbox');
  await keeping.post('sent');
  await keeping.post('handed-in', { submitted: true });
  await keeping.post('both', { recipients: ['a', 'b'] });
  await keeping.post('back');
  let rounds = await keeping.open({ onLater });
  await keeping.quiet(rounds);
  assert.deepEqual(told.toSorted(), ['back returned', 'both returned', 'sent sent']);
  keeping.now = BEGIN + DAY;
  await keeping.post('lost');
  rounds = await keeping.open({ onLater });
  await keeping.quiet(rounds);
  assert.equal(told.at(-1), 'lost given-up');
  keeping.hand = () => [];
  await rounds.flush((id) => id.endsWith('lost'));
  await keeping.quiet(rounds);
  assert.deepEqual(told.slice(-2), ['lost outbox', 'lost sent']);
});

test('Rounds tries with growing pauses, and tells the owner after five days', async (t) => {
  const keeping = new Keeping(t);
  keeping.hand = (mail) => no(mail.recipients, false, 'the relay is down');
  const id = await keeping.post('one', { recipients: ['bob@example.org'] });
  const rounds = await keeping.open();
  await keeping.pass(12 * HOUR, rounds);
  const first = [0, 1, 6, 21, 51, 111, 231, 471, 711];
  assert.deepEqual(minutes(keeping.given), first);
  const { tries, next, log, trying } = keeping.envelope(id);
  assert.deepEqual(
    { tries, next, last: log.at(-1), trying },
    {
      tries: 9,
      next: new Date(BEGIN + 951 * MINUTE).toISOString(),
      last: { at: new Date(BEGIN + 711 * MINUTE).toISOString(), reason: 'the relay is down' },
      trying: null,
    },
  );
  await keeping.pass(4.4 * DAY, rounds, 10 * MINUTE);
  assert.equal(keeping.deposited.length, 0);
  assert.deepEqual(keeping.ids(), [id]);
  await keeping.pass(0.5 * DAY, rounds, 10 * MINUTE);
  assert.equal(keeping.deposited.length, 1);
  assert.deepEqual([keeping.ids(), keeping.ids('failed'), keeping.ids('old')], [[], [], []]);
  const count = keeping.given.length;
  assert.ok(count >= 36 && count <= 40, `${count} tries`);
  const [bounce] = keeping.deposited;
  assert.deepEqual(bounce?.recipients, ['alice']);
  assert.match(bounce?.text ?? '', /^Subject: Undelivered mail: Cron <alice@web1> backup$/m);
  assert.match(bounce?.text ?? '', /\n {2}bob@example\.org\n {4}the relay is down\n/);
  assert.match(bounce?.text ?? '', /\nTo: alice\nSubject: Cron [^]*\n\nbody of one\n/);
});

test('Rounds tries only those again who were not reached, and nobody who never will be', async (t) => {
  const keeping = new Keeping(t);
  keeping.hand = () => [...no(['b'], false, 'greylisted'), ...no(['c'], true, 'no such user')];
  const id = await keeping.post('one', { recipients: ['a', 'b', 'c'] });
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  assert.deepEqual(keeping.envelope(id).recipients, ['b']);
  assert.deepEqual(keeping.envelope(id).failed, []);
  assert.match(keeping.deposited[0]?.text ?? '', /\n {2}c\n {4}no such user\n/);
  assert.doesNotMatch(keeping.deposited[0]?.text ?? '', /greylisted/);
  keeping.hand = () => [];
  await keeping.pass(2 * MINUTE, rounds);
  assert.deepEqual(
    keeping.given.map(({ recipients }) => recipients.join(' ')),
    ['a b c', 'b'],
  );
  assert.equal(keeping.deposited.length, 1);
  assert.deepEqual(keeping.ids(), []);
});

test('Rounds believes no hand that throws or speaks of strangers: nobody counts as reached', async (t) => {
  const keeping = new Keeping(t);
  keeping.hand = () => {
    throw new Error('no more processes');
  };
  const id = await keeping.post('one', { recipients: ['a', 'b'] });
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  assert.deepEqual(keeping.envelope(id).recipients, ['a', 'b']);
  assert.equal(keeping.envelope(id).log[0]?.reason, 'no more processes');
  keeping.hand = () => no(['eve']);
  await keeping.pass(MINUTE, rounds);
  assert.deepEqual(keeping.envelope(id).recipients, ['a', 'b']);
});

test('Rounds tells at once of who was refused for good before', async (t) => {
  const keeping = new Keeping(t);
  await keeping.post('one', { recipients: ['a'] }, { refused: no(['a'], true, 'no such user') });
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  assert.equal(keeping.given.length, 0);
  assert.equal(keeping.deposited.length, 1);
  assert.deepEqual(keeping.ids(), []);
});

test('Rounds keeps a bounce that the mailbox does not take, tries it again, and then leaves the mail there', async (t) => {
  const keeping = new Keeping(t);
  keeping.deposit = () => no(['alice'], false, 'the mailbox is locked');
  const id = await keeping.post('one', {}, { refused: no(['alice'], true, 'no such user') });
  const rounds = await keeping.open();
  await keeping.pass(10 * MINUTE, rounds);
  assert.deepEqual(minutes(keeping.deposited), [0, 5]); // the first try was the runner's
  await keeping.pass(11 * DAY, rounds, 20 * MINUTE);
  assert.deepEqual([keeping.ids(), keeping.ids('failed')], [[], [id]]);
  const told = keeping.deposited.length;
  await keeping.pass(DAY, rounds, 20 * MINUTE);
  assert.equal(keeping.deposited.length, told, 'there is no bounce of a bounce');
  assert.equal(keeping.given.length, 0);
  assert.match(keeping.logged.at(-1) ?? '', /it stays in .*\/failed\/1001-one\/message\.eml/);
  keeping.deposit = () => [];
  assert.equal(await rounds.flush((one) => one === id), 1);
  await keeping.quiet(rounds);
  assert.deepEqual(
    keeping.given.map(({ recipients }) => recipients),
    [['alice']],
    'a mail that was given up can be tried once more',
  );
});

test('Rounds leaves a mail there whose mailbox will never take it', async (t) => {
  const keeping = new Keeping(t);
  keeping.deposit = () => no(['alice'], true, 'the mailbox is a directory');
  const id = await keeping.post('one', {}, { refused: no(['alice'], true) });
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  assert.deepEqual([keeping.ids(), keeping.ids('failed')], [[], [id]]);
});

test('Rounds tells nobody of a mail without a sender', async (t) => {
  const keeping = new Keeping(t);
  const id = await keeping.post('one', { sender: '' }, { refused: no(['alice'], true) });
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  assert.deepEqual([keeping.deposited, keeping.ids(), keeping.ids('failed')], [[], [], [id]]);
});

test('Rounds keeps the whole of a mail that is too long for a bounce', async (t) => {
  const keeping = new Keeping(t);
  const long = Buffer.alloc(11_000_000, 'long\n');
  const chunks = async function* (): AsyncIterable<Uint8Array> {
    for (let at = 0; at < long.length; at += 1_000_000) yield long.subarray(at, at + 1_000_000);
  };
  const mail = { size: long.length, chunks };
  const id = await keeping.post('one', mail, { refused: no(['alice'], true) });
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  assert.match(
    keeping.deposited[0]?.text ?? '',
    /Its last 1000000 bytes are left out here; the whole is in .*failed/,
  );
  assert.equal(statSync(keeping.file(id, 'message.eml', 'failed')).size > long.length, true);
});

test('Rounds runs no mailer as somebody who has got the name or the uid of another', async (t) => {
  const keeping = new Keeping(t);
  const rounds = await keeping.open();
  const one = await keeping.post('one');
  keeping.users.set('alice', userOf('alice', 1009));
  await rounds.look();
  await keeping.quiet(rounds);
  assert.match(keeping.envelope(one).log[0]?.reason ?? '', /another one now: uid 1009, not 1001/);
  keeping.users.delete('alice');
  await keeping.pass(12 * DAY, rounds, 20 * MINUTE);
  assert.deepEqual([keeping.given, keeping.deposited], [[], []]);
  assert.deepEqual([keeping.ids(), keeping.ids('failed')], [[], [one]]);
});

test('Rounds tries the mails of others while the mailer of one hangs', async (t) => {
  const keeping = new Keeping(t);
  let free = (): void => {};
  const hangs = new Promise<void>((resolve) => (free = resolve));
  let atOnce = 0;
  let most = 0;
  keeping.hand = async (mail) => {
    if (mail.user.name !== 'alice') return [];
    most = Math.max(most, ++atOnce);
    await hangs;
    atOnce--;
    return [];
  };
  for (let count = 0; count < 30; count++) await keeping.post(`a${count}`);
  for (let count = 0; count < 5; count++)
    await keeping.post(`b${count}`, { user: userOf('bob', 1002) });
  const rounds = await keeping.open();
  const bobs = (): number => keeping.given.filter(({ run }) => run.startsWith('b')).length;
  await until("bob's are there", () => bobs() === 5);
  await until("some of alice's hang", () => atOnce === 4);
  free();
  await keeping.quiet(rounds);
  assert.equal(most, 4);
  assert.equal(keeping.given.length, 35);
  assert.deepEqual(keeping.ids(), []);
});

test('Rounds notes that a mailer has a mail before it has it', async (t) => {
  const keeping = new Keeping(t);
  const id = await keeping.post('one');
  let trying: string | null = null;
  keeping.hand = () => {
    ({ trying } = keeping.envelope(id));
    return [];
  };
  await keeping.quiet(await keeping.open());
  assert.equal(trying, new Date(BEGIN).toISOString());
});

test('Rounds says of a mail that a mailer had when cron died that it may be sent twice, and sends it', async (t) => {
  const keeping = new Keeping(t);
  const id = await keeping.post('one');
  keeping.change(id, { trying: '2026-11-22T11:59:00.000Z' });
  keeping.hand = (mail) => no(mail.recipients);
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  const twice =
    '1001-one may be sent twice: cron ended while it was handed over, since 2026-11-22T11:59:00.000Z';
  assert.equal(keeping.logged[0], `(alice) MAIL (${twice})`);
  assert.equal(keeping.given.length, 1);
  assert.equal(keeping.envelope(id).trying, null);
  await keeping.open();
  assert.equal(
    keeping.logged.filter((line) => line.includes('twice')).length,
    1,
    'it is counted once',
  );
});

/** What a crash, a full disk or a hand leaves, and what the log says of it. */
const damages: Record<string, { make: (keeping: Keeping, id: string) => void; says: RegExp }> = {
  'no envelope': {
    make: (keeping, id) => rmSync(keeping.file(id)),
    says: /no such file or directory/,
  },
  'an empty envelope': {
    make: (keeping, id) => truncateSync(keeping.file(id), 0),
    says: /JSON/,
  },
  'half an envelope': {
    make: (keeping, id) => truncateSync(keeping.file(id), 100),
    says: /JSON/,
  },
  'no message': {
    make: (keeping, id) => rmSync(keeping.file(id, 'message.eml')),
    says: /no such file or directory/,
  },
  'a shorter message': {
    make: (keeping, id) => truncateSync(keeping.file(id, 'message.eml'), 10),
    says: /the message has 10 bytes and not 8\d/,
  },
  'another version': {
    make: (keeping, id) => keeping.change(id, { version: 2 }),
    says: /its "version" is damaged/,
  },
  'a recipient that is an option': {
    make: (keeping, id) => keeping.change(id, { recipients: ['-oQ/tmp'] }),
    says: /its "recipients" is damaged/,
  },
  'a recipient that is no word': {
    make: (keeping, id) => keeping.change(id, { recipients: ['a b'] }),
    says: /its "recipients" is damaged/,
  },
  'no recipients': {
    make: (keeping, id) => keeping.change(id, { recipients: [] }),
    says: /it is for nobody/,
  },
  'a time that is none': {
    make: (keeping, id) => keeping.change(id, { next: 'soon' }),
    says: /its "next" is damaged/,
  },
  'the envelope of another user': {
    make: (keeping, id) => keeping.change(id, { uid: 0 }),
    says: /the envelope is of another mail/,
  },
};
for (const [what, { make, says }] of Object.entries(damages))
  test(`Rounds sets aside a mail with ${what}, and goes on with the others`, async (t) => {
    const keeping = new Keeping(t);
    const id = await keeping.post('one');
    await keeping.post('two');
    make(keeping, id);
    const rounds = await keeping.open();
    await keeping.quiet(rounds);
    assert.deepEqual([keeping.ids(), keeping.ids('damaged')], [[], [id]]);
    assert.deepEqual(
      keeping.given.map(({ run }) => run),
      ['two'],
    );
    assert.match(keeping.logged.find((line) => line.includes('set aside')) ?? '', says);
  });

test('Rounds sets aside a file where a mail should be', async (t) => {
  const keeping = new Keeping(t);
  keeping.write('queue/1001-file', 'x');
  await keeping.quiet(await keeping.open());
  assert.deepEqual([keeping.ids(), keeping.ids('damaged')], [[], ['1001-file']]);
});

test('Rounds removes what was half written or half removed', async (t) => {
  const keeping = new Keeping(t);
  const writing = `1001-living.${process.ppid}`;
  keeping.write('new/1001-dead.999999999/message.eml', 'half');
  keeping.write(`new/${writing}/message.eml`, 'half');
  keeping.write('old/1001-gone/message.eml', 'sent');
  const id = await keeping.post('one');
  keeping.write(`queue/${id}/envelope.json.new`, 'half');
  await keeping.quiet(await keeping.open());
  assert.deepEqual([keeping.ids('new'), keeping.ids('old')], [[writing], []]);
  assert.equal(keeping.given.length, 1);
});

test('Rounds takes over mails as they were kept before', async (t) => {
  const keeping = new Keeping(t);
  const envelope = {
    run: 'run-1',
    user: 'alice',
    recipients: ['a', 'b'],
    reason: 'the mailer ended with status 75',
    at: '2026-01-01T00:00:00.000Z',
  };
  keeping.write('run-1/message.eml', 'Subject: x\n\nbody\n');
  keeping.write('run-1/envelope.json', JSON.stringify(envelope));
  keeping.write('run-2/envelope.json', 'half');
  keeping.write('run-3.draft/message.eml', 'half');
  keeping.hand = (mail) => no(mail.recipients);
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  assert.deepEqual(keeping.ids(), ['1001-run-1']);
  assert.deepEqual(keeping.ids('damaged'), ['run-2']);
  assert.deepEqual(keeping.given, [
    { at: 0, run: 'run-1', recipients: ['a', 'b'], text: 'Subject: x\n\nbody\n' },
  ]);
  assert.ok(existsSync(`${keeping.outbox}/run-3.draft`), 'somebody may be writing it');
});

test('Rounds does not send a mail twice when the disk does not take what became of it', async (t) => {
  const keeping = new Keeping(t);
  await keeping.post('one', { recipients: ['a', 'b'] });
  let first = true;
  keeping.hand = () => {
    const place = keeping.file('1001-one', 'envelope.json.new');
    if (first) mkdirSync(place); // as a full disk does it, for root too
    first = false;
    return keeping.given.length < 2 ? no(['b']) : [];
  };
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  assert.deepEqual(
    keeping.envelope('1001-one').recipients,
    ['a', 'b'],
    'that is what the disk has',
  );
  assert.equal(
    keeping.logged.filter((line) => /cannot write what became of mail/.test(line)).length,
    1,
  );
  await keeping.pass(MINUTE, rounds);
  assert.deepEqual(
    keeping.given.map(({ recipients }) => recipients.join(' ')),
    ['a b', 'b'],
  );
});

test('Rounds writes what became of a mail when the disk takes it again', async (t) => {
  const keeping = new Keeping(t);
  const id = await keeping.post('one', { recipients: ['a', 'b'] });
  const place = keeping.file(id, 'envelope.json.new');
  keeping.hand = () => {
    mkdirSync(place, { recursive: true });
    return no(['b']);
  };
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  rmSync(place, { recursive: true });
  await rounds.look();
  const { recipients, trying } = keeping.envelope(id);
  assert.deepEqual({ recipients, trying }, { recipients: ['b'], trying: null });
});

test('Rounds does not send a mail twice that cannot be removed', async (t) => {
  const keeping = new Keeping(t);
  const id = await keeping.post('one');
  rmSync(`${keeping.outbox}/old`, { recursive: true });
  keeping.hand = () => {
    rmSync(`${keeping.outbox}/old`, { recursive: true, force: true });
    keeping.write('old', 'in the way');
    return [];
  };
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  assert.deepEqual(keeping.ids(), [id]);
  await keeping.pass(HOUR, rounds);
  assert.equal(keeping.given.length, 1);
  rmSync(`${keeping.outbox}/old`);
  mkdirSync(`${keeping.outbox}/old`);
  await rounds.look();
  assert.deepEqual([keeping.ids(), keeping.ids('old')], [[], []]);
});

test('Rounds forgets a mail that somebody has removed', async (t) => {
  const keeping = new Keeping(t);
  keeping.hand = (mail) => no(mail.recipients);
  const id = await keeping.post('one');
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  rmSync(`${keeping.outbox}/queue/${id}`, { recursive: true });
  await keeping.pass(HOUR, rounds);
  assert.equal(keeping.given.length, 1);
  assert.equal(rounds.size, 0);
  assert.deepEqual(keeping.ids('damaged'), []);
});

test('flush() tries those now that are meant', async (t) => {
  const keeping = new Keeping(t);
  keeping.hand = (mail) => no(mail.recipients);
  const one = await keeping.post('one');
  await keeping.post('two', { user: userOf('bob', 1002) });
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  assert.equal(await rounds.flush((id) => id === one), 1);
  await keeping.quiet(rounds);
  assert.equal(await rounds.flush((id) => id.startsWith('1002-')), 1);
  await keeping.quiet(rounds);
  assert.equal(await rounds.flush(() => false), 0);
  assert.deepEqual(
    keeping.given.slice(2).map(({ run }) => run),
    ['one', 'two'],
  );
});

test('Rounds is called for a try within the minute, and not for later ones', async (t) => {
  const keeping = new Keeping(t);
  keeping.hand = (mail) => no(mail.recipients);
  await keeping.post('one');
  const terms = { keep: DAY, firstPause: 30 };
  const rounds = await keeping.open({ terms, now: () => Date.now() });
  await until('it is tried for the third time', () => keeping.given.length >= 3);
  await rounds.close(10_000);
  const count = keeping.given.length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(keeping.given.length, count, 'nothing begins when it is closed');
});

test('Rounds does nothing while a mailer is at work', async (t) => {
  const keeping = new Keeping(t);
  let free = (): void => {};
  keeping.hand = () => new Promise((resolve) => (free = () => resolve([])));
  await keeping.post('one');
  await keeping.post('two', {}, { next: BEGIN + 30_000 });
  let asked = 0;
  const now = (): number => {
    asked++;
    return keeping.now;
  };
  const rounds = await keeping.open({ now });
  await until('it is being tried', () => keeping.given.length === 1);
  const before = asked;
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(asked, before);
  free();
  await keeping.quiet(rounds);
});

test('Rounds does not wait for a year when the clock is set back by one', async (t) => {
  const keeping = new Keeping(t);
  keeping.hand = (mail) => no(mail.recipients);
  await keeping.post('one');
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  keeping.now -= 365 * DAY;
  await keeping.pass(2 * MINUTE, rounds);
  assert.equal(keeping.given.length, 2);
});

test('close() waits for what is under way, but not for ever', async (t) => {
  const keeping = new Keeping(t);
  let free = (): void => {};
  keeping.hand = () => new Promise((resolve) => (free = () => resolve([])));
  const id = await keeping.post('one');
  const rounds = await keeping.open();
  await until('it is being tried', () => keeping.given.length === 1);
  await rounds.close(20);
  assert.notEqual(keeping.envelope(id).trying, null, 'the next one will know');
  const closing = rounds.close(30_000);
  free();
  await closing;
  assert.deepEqual(keeping.ids(), []);
});

test('a letter of bounce has the mail as it was, and a head that every reader understands', async (t) => {
  const keeping = new Keeping(t);
  const body = 'first\nFrom me\n--x\n\n.\nlast without newline';
  const mail: Partial<Outgoing> = {
    size: body.length,
    async *chunks() {
      yield Buffer.from(body);
    },
  };
  await keeping.post('one', mail, { refused: no(['alice'], true, 'line 1\nline 2') });
  await keeping.quiet(await keeping.open());
  const text = keeping.deposited[0]?.text ?? '';
  const boundary = /boundary="([^"]+)"/.exec(text)?.[1] ?? '';
  const [head = '', ...parts] = text.split(`--${boundary}`);
  assert.match(
    head,
    /^From: root \(Cron Daemon\)\nTo: alice\nSubject: .*\nDate: .* \+0000\nMIME-Version: 1\.0\n/,
  );
  assert.match(parts[0] ?? '', /\n {2}alice\n {4}line 1\n {4}line 2\n/);
  const whole = parts[1]?.slice('\nContent-Type: message/rfc822\n\n'.length, -1);
  assert.ok(whole?.endsWith(`\n\n${body}`));
  assert.equal(parts[2], '--\n');
});
