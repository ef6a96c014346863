/** From the crontabs of three users and of root to their mailboxes, through the mail systems that people run. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { type Box, boxed, openBox, until } from '../support/system.ts';
import { debian, installTab, startMailcron } from './crons.ts';
import { commandOf, type Mail, mailbox } from './mails.ts';

const TABS: Record<string, string> = {
  alice: `
GREETING="hello world"
@reboot id
MAILTO=bob
@reboot echo to bob
MAILTO="bob,carol"
@reboot echo to both
MAILTO=bob, carol
@reboot echo to both again
MAILTO=""
@reboot echo to nobody
MAILTO=
@reboot echo to nobody either
MAILTO=alice
@reboot echo to herself
`,
  bob: `
@reboot id
@reboot cat%a line%.%another after a lone dot
* * * * * echo the minute
`,
  carol: '@reboot id\n@reboot printf "grüße"\n',
  root: '@reboot id\n',
};

const CRON_D = `
@reboot carol echo from cron.d
MAILTO=alice
@reboot root echo from root to alice
`;

/** Who has mail about which commands, when all of it has come. */
const DELIVERED: Record<string, readonly string[]> = {
  alice: ['echo from root to alice', 'echo to herself', 'id'],
  bob: ['cat', 'echo the minute', 'echo to bob', 'echo to both', 'echo to both again', 'id'],
  carol: ['echo from cron.d', 'echo to both', 'echo to both again', 'id', 'printf "grüße"'],
  root: ['id'],
};

interface MailSystem {
  readonly name: 'postfix' | 'exim4';
  /** Where mail to root lies: Debian's Exim delivers nothing as root, and has a mailbox "mail" for it. */
  readonly roots: string;
}

describe('mail', { concurrency: true }, () => {
  for (const system of [
    { name: 'postfix', roots: 'root' },
    { name: 'exim4', roots: 'mail' },
  ] as const)
    test(`each crontab’s mail lies in the mailbox that it names (${system.name})`, boxed, (t) =>
      deliver(t, system),
    );
});

async function deliver(t: TestContext, { name, roots }: MailSystem): Promise<void> {
  const box = await openBox(t, { mail: name });
  for (const [user, tab] of Object.entries(TABS)) await installTab(box, debian, user, tab);
  await box.write(`${debian.cronD}/system`, CRON_D);
  await startMailcron(box);

  const mails = async (user: string): Promise<Mail[]> =>
    await mailbox(box, user === 'root' ? roots : user);
  const all = await until(
    'all mail has come',
    async () => {
      const found = await everything(mails);
      const count = Object.values(DELIVERED).flat().length;
      return Object.values(found).flat().length >= count ? found : undefined;
    },
    async () => `${JSON.stringify(await everything(mails), null, 1)}\n${await log(box)}`,
  );

  await t.test('all of it, and nothing else', () => assert.deepEqual(all, DELIVERED));

  for (const user of Object.keys(TABS))
    await t.test(`${user}’s job had ${user}’s ids and groups`, async () => {
      const { header, body } = find(await mails(user), 'id');
      assert.deepEqual(idsOf(body), idsOf(await box.run(`id ${user}`)));
      assert.match(header.join('\n'), /^From: .*\(Cron Daemon\)$/m);
      assert.match(header.join('\n'), new RegExp(`^To: ${user}(@.*)?$`, 'm'));
      assert.ok(header.includes(`Subject: Cron <${user}@cronhost> id`));
      const home = user === 'root' ? '/root' : `/home/${user}`;
      assert.deepEqual(
        header.filter((line) => line.startsWith('X-Cron-Env: ')),
        [
          ...(user === 'alice' ? ['X-Cron-Env: <GREETING=hello world>'] : []),
          'X-Cron-Env: <SHELL=/bin/sh>',
          `X-Cron-Env: <HOME=${home}>`,
          'X-Cron-Env: <PATH=/usr/bin:/bin>',
          `X-Cron-Env: <LOGNAME=${user}>`,
        ],
      );
    });

  await t.test('the mail of a user’s job is sent by that user, whoever gets it', async () => {
    const sender = ({ header }: Mail): string | undefined =>
      /^Return-Path: <(.*)@/im.exec(header.join('\n'))?.[1];
    assert.equal(sender(find(await mails('bob'), 'echo to bob')), 'alice');
    assert.equal(sender(find(await mails('alice'), 'echo from root to alice')), 'root');
  });

  await t.test('a lone dot does not end a mail', async () =>
    assert.equal(find(await mails('bob'), 'cat').body, 'a line\n.\nanother after a lone dot\n'),
  );

  await t.test('bytes beyond ASCII arrive as they were printed', async () => {
    const { body } = find(await mails('carol'), 'printf "grüße"');
    assert.equal(Buffer.from(body, 'latin1').toString().trimEnd(), 'grüße');
  });

  await t.test('jobs without mail have run all the same', async () => {
    const lines = await log(box);
    assert.match(lines, /\(alice\) CMD \(echo to nobody\)/);
    assert.match(lines, /\(alice\) CMD \(echo to nobody either\)/);
    assert.doesNotMatch(lines, /\) MAIL \(/);
  });
}

/** The commands that everyone's mails are about. */
async function everything(
  mails: (user: string) => Promise<Mail[]>,
): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const user of Object.keys(DELIVERED))
    found[user] = (await mails(user)).map((mail) => text(commandOf(mail))).toSorted();
  return found;
}

function find(mails: readonly Mail[], command: string): Mail {
  const found = mails.filter((mail) => text(commandOf(mail)) === command);
  assert.equal(found.length, 1, `mails about "${command}"`);
  const [mail] = found;
  assert.ok(mail);
  return mail;
}

/** `id`'s answer, with the groups in the order of their names. */
function idsOf(answer: string): unknown {
  const [, ids, groups = ''] = /^(.*) groups=(.*)$/m.exec(answer) ?? [];
  return [ids, groups.split(',').toSorted()];
}

function text(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString();
}

async function log(box: Box): Promise<string> {
  return await box.read('/var/log/mailcron');
}
