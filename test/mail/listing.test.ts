/** What people are told of the outbox: their mails, oldest first, and nothing of others'. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countMails, listMails, namesOf } from '../../src/mail/listing.ts';
import { HOUR, Keeping, MINUTE, no, userOf } from './keeping.ts';

const all = (): boolean => true;
const alices = (uid: number): boolean => uid === 1001;

test('listMails() tells whom a mail has not reached, and why', async (t) => {
  const keeping = new Keeping(t);
  keeping.hand = () => no(['b@x'], false, 'the relay is down');
  const id = await keeping.post('one', { head: 'Subject: x\n\n', recipients: ['a@x', 'b@x'] });
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  const { created, next } = keeping.envelope(id);
  assert.deepEqual(await listMails(keeping.outbox, all, 10), [
    {
      id,
      state: 'waiting',
      user: 'alice',
      recipients: ['b@x'],
      size: 'Subject: x\n\nbody of one\n'.length,
      since: created,
      tries: 1,
      next,
      trying: null,
      reason: 'the relay is down',
    },
  ]);
});

test('listMails() tells of what was given up', async (t) => {
  const keeping = new Keeping(t);
  keeping.hand = () => no(['b@x'], true, 'no such user');
  keeping.deposit = (mail) => no(mail.recipients, true, 'no mailbox');
  const id = await keeping.post('one', { recipients: ['b@x'] });
  const rounds = await keeping.open();
  await keeping.quiet(rounds);
  const [mail] = await listMails(keeping.outbox, all, 10);
  assert.deepEqual(
    [mail?.id, mail?.state, mail?.next, mail?.recipients, mail?.reason],
    [id, 'given up', null, ['b@x'], 'no such user'],
  );
  assert.deepEqual(await countMails(keeping.outbox, all), { waiting: 0, failed: 1 });
});

test('listMails() tells of mails of those who are meant, oldest first, and of so many', async (t) => {
  const keeping = new Keeping(t);
  const ids: string[] = [];
  for (const [at, run] of ['c', 'a', 'b'].entries())
    ids.push(await keeping.post(run, {}, { now: keeping.now + at * HOUR }));
  const bobs = await keeping.post('bobs', { user: userOf('bob', 1002) });
  const list = async (isMeant: (uid: number) => boolean, limit = 10): Promise<string[]> =>
    (await listMails(keeping.outbox, isMeant, limit)).map(({ id }) => id);
  assert.deepEqual(await list(alices), ids);
  assert.deepEqual(await list((uid) => uid === 1002), [bobs]);
  assert.deepEqual(await list(() => false), []);
  assert.equal((await list(all, 2)).length, 2);
  assert.deepEqual(await countMails(keeping.outbox, alices), { waiting: 3, failed: 0 });
  assert.deepEqual([...(await namesOf(keeping.outbox, alices))].toSorted(), ids.toSorted());
});

test('listMails() leaves out what is damaged, and cuts what is long', async (t) => {
  const keeping = new Keeping(t);
  keeping.write('queue/1001-bad/envelope.json', '{');
  const recipients = Array.from({ length: 500 }, (_, at) => `user${at}@example.org`);
  const refused = no(recipients, false, 'x'.repeat(10_000));
  await keeping.post('one', { recipients }, { refused, next: keeping.now + MINUTE });
  const [mail, ...others] = await listMails(keeping.outbox, all, 10);
  assert.deepEqual(others, []);
  assert.ok((mail?.recipients.join('').length ?? 0) > 900);
  assert.ok(JSON.stringify(mail).length < 3000);
});
