/**
 * Crontabs made by somebody who wants into the header, the mailer's options or another mailbox, through the eight.
 *
 * What a mailer was given is recorded on its way. Of each mail that arrives the header must be that, apart from what
 * mail systems add, and it must be in the mailboxes that were meant, once in each; and there must be no other mail.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { recipients } from '../../../src/core/address.ts';
import { type Box, boxed, openBox, until } from '../../support/system.ts';
import { installTab, own, startMailcron } from '../crons.ts';
import { arrivals, type MailSystem, SYSTEMS } from './systems.ts';

const MAILS = 60;
const DOMAIN = '@cronhost.example.test';
const PEOPLE = ['alice', 'bob', 'carol'];
const EIGHT = SYSTEMS.filter(({ settings }) => settings === undefined);

/** One job, and what its crontab says before it; byte strings. */
interface Attack {
  readonly variables: readonly (readonly [name: string, value: string])[];
  readonly mailto: string;
  readonly command: string;
}

/** Pieces that mean something to a shell, a header, an SMTP server or a command line. */
const PIECES = [
  ...' \t\r\v\f\x1b\x7f\x85\xa0\xff:;,.@<>()[]"\\|/-=?*'.split(''),
  '\r\nBcc: bob',
  '\rBcc: bob',
  '\x85Bcc: carol',
  '\xe2\x80\xa8Bcc: carol',
  'Bcc: bob@cronhost.example.test',
  '=?utf-8?q?=0ABcc:_bob?=',
  '=?utf-8?b?Cg==?=',
  '\r.\rRCPT TO:<bob>\rDATA',
  '$(touch /tmp/pwned)',
  '|touch /tmp/pwned',
  '/tmp/pwned',
  ':include:/etc/passwd',
  ' -t',
  ' -bs',
  ' -X/tmp/pwned',
  ' -oQ/tmp',
  '--',
  '%0aBcc:bob',
  'bob',
  'bob, carol',
  'gr\xc3\xbc\xc3\x9fe',
  'x'.repeat(1000),
];

const text = fc
  .array(fc.constantFrom(...PIECES), { maxLength: 8 })
  .map((pieces) => pieces.join('').replaceAll(/\n/g, ''));

/** Recipients whom there are, in any way that MAILTO takes; and what is none of these. */
const mailto = fc.oneof(
  fc.subarray(PEOPLE, { minLength: 1 }).map((people) => people.join(',')),
  fc.subarray(PEOPLE, { minLength: 1 }).map((people) => people.join(' , ')),
  fc.constantFrom('bob', 'carol').map((name) => `"carol, bob" <alice${DOMAIN}>, ${name}`),
  text.filter((value) => {
    const list = recipients(value);
    const people = list.ok ? list.value.map((one) => one.replace(DOMAIN, '')) : [];
    return people.every((one, at) => PEOPLE.includes(one) && people.indexOf(one) === at);
  }),
);

const attack: fc.Arbitrary<Attack> = fc.record({
  variables: fc.tuple(
    fc.tuple(fc.constantFrom('V', 'W', 'Bcc: bob', 'A\rBcc: bob', '-t'), text),
    fc.tuple(fc.constant('MAILFROM'), fc.oneof(fc.constant('carol'), text)),
    fc.tuple(
      fc.constant('CONTENT_TYPE'),
      fc.oneof(
        text,
        text.map((value) => `text/plain; charset=${value}`),
      ),
    ),
    fc.tuple(fc.constant('CONTENT_TRANSFER_ENCODING'), fc.oneof(fc.constant('7bit'), text)),
  ),
  mailto: mailto.filter((value) => value.trim() !== ''),
  command: text,
});

void test(
  'no crontab gets into a header, or to anybody',
  {
    ...boxed,
    timeout: 600_000,
    concurrency: 2,
  },
  async (t) => {
    await Promise.all(
      EIGHT.map((system, index) =>
        t.test(`through ${system.name}`, { timeout: 300_000 }, (each) => run(each, system, index)),
      ),
    );
  },
);

async function run(t: TestContext, system: MailSystem, seed: number): Promise<void> {
  const attacks = fc.sample(attack, { seed, numRuns: MAILS });
  const box = await openBox(t, { mail: system.box });
  await box.run(system.prepare ?? '');
  await box.run('install -d -m 1777 /srv/given');
  await box.write('/opt/recorder-before', RECORDER, 'root', 0o755);
  await installTab(box, own('fuzz'), 'alice', Buffer.from(tabOf(attacks), 'latin1'));
  const settings = `[mail]\nmailcmd = "/opt/recorder-before"\nmailer = "${system.name}"\n`;
  await startMailcron(box, { name: 'fuzz', settings });

  const meant = attacks.map(({ mailto: to }) => whoGets(to));
  const count = meant.flat().length;
  const arrived = async (): Promise<Mail[]> =>
    (await arrivals(box, system)).map(({ mailbox, message }) => mailOf(message, mailbox));
  const mails = await until(
    'all of it has come',
    async () => {
      await box.run(system.hurry ?? '');
      const found = await arrived();
      return found.length >= count ? found : undefined;
    },
    async () =>
      `${(await arrived()).length} of ${count}\n${(await box.read(own('fuzz').log)).slice(-4000)}`,
  );
  const given = new Map((await handedOver(box)).map((mail) => [mail.id, mail]));
  assert.equal(given.size, MAILS);

  for (const [index, one] of attacks.entries()) {
    const mail = [...given.values()].find(({ job }) => job === index);
    assert.ok(mail, `job ${index}`);
    assert.match(mail.fields.map(([name]) => name).join(' '), FIELDS, JSON.stringify(one));
    const copies = mails.filter(({ id }) => id === mail.id);
    assert.deepEqual(
      copies.map(({ mailbox }) => mailbox).toSorted(),
      meant[index]?.toSorted(),
      JSON.stringify([one, mail.fields]),
    );
    for (const copy of copies)
      assert.deepEqual(comparable(copy), comparable(mail), JSON.stringify(one));
  }
  assert.equal(mails.length, count, 'no other mail');
  assert.equal(await box.run('find / -xdev -name "pwned*"'), '');
}

/** What cron writes, in this order, and nothing else. */
const FIELDS =
  /^From To Subject MIME-Version Content-Type Content-Transfer-Encoding( X-Cron-Env)+ Date Message-ID Auto-Submitted( X-Cron-(?!Env)\w+)+$/;

/** Keep what the mailer is given, and its arguments; then hand it on. */
const RECORDER = `#!/bin/sh
file=$(mktemp /srv/given/XXXXXXXX) || exit 75
cat > "$file"
exec /usr/sbin/sendmail "$@" < "$file"
`;

/** One after the other: sendmail's local mailer sleeps for many seconds where a mailbox is locked. */
function tabOf(attacks: readonly Attack[]): string {
  return attacks
    .map(({ variables, mailto: to, command }, index) => {
      const lines = [...variables, ['MAILTO', to] as const].map(
        ([name, value]) => `${quoted(name)}=${quoted(value)}\n`,
      );
      return `${lines.join('')}@reboot sleep ${index / 8}; echo job ${index} # ${command.replaceAll('%', '\\%')}\n`;
    })
    .join('');
}

/** As crontab(5) quotes: one kind of quotes, without that kind inside. */
function quoted(value: string): string {
  return value.includes('"') ? `'${value.replaceAll("'", '')}'` : `"${value}"`;
}

/** The mailboxes that MAILTO means; where it is unsafe, its owner's. */
function whoGets(to: string): string[] {
  const list = recipients(to);
  if (!list.ok) return ['alice'];
  for (const one of list.value) assert.ok(to.includes(one));
  return [...new Set(list.value.map((one) => one.replace(DOMAIN, '')))];
}

interface Mail {
  readonly mailbox: string;
  /** Message-ID. */
  readonly id: string;
  /** As its Subject tells. */
  readonly job: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

function mailOf(message: string, mailbox = ''): Mail {
  const [head = ''] = message.split('\n\n', 1);
  const fields = head
    .replaceAll(/\n(?=[ \t])/g, '')
    .split('\n')
    .map((line) => {
      const [, name = line, value = ''] = /^([^\s:]+):(.*)$/s.exec(line) ?? [];
      return [name, value.trim()] as const;
    });
  const value = (field: string): string =>
    fields.find(([name]) => name.toLowerCase() === field)?.[1] ?? '';
  const job = Number(/echo job (\d+)/.exec(value('subject'))?.[1]);
  return { mailbox, id: value('message-id'), job, fields };
}

async function handedOver(box: Box): Promise<Mail[]> {
  const files = await box.list('/srv/given');
  return await Promise.all(files.map(async (file) => mailOf(await box.read(`/srv/given/${file}`))));
}

/** What mail systems put in front. */
const ADDED =
  /^(return-path|received|delivered-to|x-original-to|envelope-to|delivery-date|status|x-uid)$/i;

/** The fields that were not added, in any order; without the domain and the blanks that mail systems put into lists. */
function comparable({ fields }: Mail): string[] {
  return fields
    .filter(([name]) => !ADDED.test(name))
    .map(([name, value]) => {
      const isList = /^(from|to)$/i.test(name);
      const plain = isList ? value.replaceAll(DOMAIN, '').replaceAll(/,\s*/g, ', ') : value;
      return `${name.toLowerCase()}: ${plain.replaceAll(/\s+/g, ' ')}`;
    })
    .toSorted();
}
