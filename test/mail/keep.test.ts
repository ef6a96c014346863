/** How much of the outbox one user may take, and what becomes of mails beyond it. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { keeper } from '../../src/mail/keep.ts';
import type { Limits } from '../../src/mail/room.ts';
import type { User } from '../../src/system/users.ts';
import { HOUR, Keeping, MINUTE, no, userOf } from './keeping.ts';
import { mailOf } from './mail.ts';

const alice = userOf('alice', 1001);
const bob = userOf('bob', 1002);

interface Case {
  readonly keeping: Keeping;
  readonly said: string[];
  /** Keep a mail of so many bytes. */
  readonly keep: (run: string, user?: User, size?: number) => Promise<boolean>;
}

function open(t: TestContext, limits: Limits): Case {
  const keeping = new Keeping(t);
  const said: string[] = [];
  const keep = keeper({
    outbox: keeping.outbox,
    limits,
    terms: { keep: HOUR, firstPause: MINUTE },
    log: (who, event, detail) => void said.push(`(${who}) ${event} (${detail})`),
    onPosted: () => {},
    leaving: new AbortController().signal,
    pauses: [],
  });
  return {
    keeping,
    said,
    keep: (run, user = alice, size = 5) => {
      const mail = mailOf('x'.repeat(size), { run, user });
      return keep(mail, no(mail.recipients, false, 'the mailer ended with status 75'));
    },
  };
}

test('keeper() keeps as many mails of a user as may wait, says so of the others, and spares everybody else', async (t) => {
  const { keeping, said, keep } = open(t, { mails: 3, bytes: 1_000_000 });
  for (const run of ['1', '2', '3', '4', '5']) assert.equal(await keep(run), true);
  for (const run of ['6', '7']) assert.equal(await keep(run, bob), true);
  assert.deepEqual(keeping.ids(), ['1001-1', '1001-2', '1001-3', '1002-6', '1002-7']);
  const why =
    'not delivered (the mailer ended with status 75), and not kept: 3 mails wait already, 3 may';
  assert.deepEqual(
    said.filter((line) => line.includes('not kept')),
    [`(alice) MAIL (${why})`, `(alice) MAIL (${why})`],
  );
});

test('keeper() counts bytes, and those of the head too', async (t) => {
  const { keeping, said, keep } = open(t, { mails: 100, bytes: 100_000 });
  for (const run of ['1', '2', '3']) await keep(run, alice, 45_000);
  await keep('4', alice, 1000);
  assert.deepEqual(keeping.ids(), ['1001-1', '1001-2', '1001-4']);
  assert.match(said[2] ?? '', /and not kept: mails of 90\d\d\d bytes wait already, of 100000 may/);
});

test('keeper() counts what is there already, also what was given up', async (t) => {
  const { keeping, keep } = open(t, { mails: 2, bytes: 1_000_000 });
  await keeping.post('waits');
  const id = await keeping.post('failed', { sender: '' }, { refused: no(['alice'], true) });
  keeping.hand = (mail) => no(mail.recipients);
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  assert.deepEqual(keeping.ids('failed'), [id]);
  assert.equal(await keep('one'), true);
  assert.deepEqual(keeping.ids(), ['1001-waits']);
});

test('a user is told how many mails were not kept, once there is room, and in one mail', async (t) => {
  const limits = { mails: 4, bytes: 1_000_000 };
  const { keeping, keep } = open(t, limits);
  for (let run = 1; run <= 10; run++) await keep(`${run}`);
  keeping.hand = (mail) => no(mail.recipients);
  keeping.now = Date.now();
  let rounds = await keeping.open({ limits });
  await keeping.quiet(rounds);
  assert.deepEqual(keeping.ids('over'), ['1001'], 'there is no room for more yet');
  keeping.hand = () => [];
  keeping.now += MINUTE;
  await rounds.look();
  await keeping.quiet(rounds);
  rounds = await keeping.open({ limits });
  await keeping.quiet(rounds);
  const texts = keeping.given.map(({ text }) => text).filter((text) => text.includes('not kept'));
  assert.equal(texts.length, 1);
  assert.match(
    texts[0] ?? '',
    /^From: root \(Cron Daemon\)\nTo: alice\nSubject: Cron: 6 mails of yours were not kept\n/,
  );
  assert.match(texts[0] ?? '', /\n\n6 mails of yours were not kept, from 20[^ ]*Z on\. /);
  assert.deepEqual([keeping.ids(), keeping.ids('over')], [[], []]);
});

test('a user is told once when cron dies in the midst of it', async (t) => {
  const keeping = new Keeping(t);
  const first = JSON.stringify({ name: 'alice', since: '2026-11-22T11:00:00.000Z' });
  keeping.write('over/1001.taken', `${first}\n...`);
  keeping.write('over/1001', `${first.replace('11:00', '11:30')}\n.`);
  keeping.write('over/1002', 'cut sho');
  keeping.write('over/1003', `${first.replace('alice', 'nobody-there')}\n.`);
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  assert.match(keeping.given[0]?.text ?? '', /\n\n3 mails of yours/);
  await keeping.pass(30 * MINUTE, rounds);
  assert.equal(keeping.given.length, 1, 'not more than once an hour');
  await keeping.pass(31 * MINUTE, rounds);
  assert.match(
    keeping.given[1]?.text ?? '',
    /\n\nA mail of yours was not kept, from 2026-11-22T11:30/,
  );
  assert.deepEqual(keeping.ids('over'), []);
});
