import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SendmailLine } from '../../src/cli/sendmail-line.ts';
import { readSendmailLine } from '../../src/cli/sendmail-options.ts';
import { EXIT, Failure } from '../../src/system/failure.ts';

const plain: SendmailLine = {
  duty: 'send',
  recipients: [],
  fromMessage: false,
  dotEnds: true,
  noAliases: false,
  sender: null,
  name: null,
  verbose: false,
  quiet: false,
  config: undefined,
};

const words = (text: string): string[] => (text === '' ? [] : text.split(' '));

/** Arguments → what differs from a message to nobody; those of other programs are theirs, word for word. */
const table: readonly [args: string, read: Partial<SendmailLine>][] = [
  ['root', { recipients: ['root'] }],
  ['root alice,bob', { recipients: ['root', 'alice,bob'] }],
  ['-t', { fromMessage: true }],
  ['-t root', { fromMessage: true, recipients: ['root'] }],
  ['-i root', { dotEnds: false, recipients: ['root'] }],
  ['-oi root', { dotEnds: false, recipients: ['root'] }],
  ['-oitrue root', { dotEnds: false, recipients: ['root'] }],
  ['-oifalse root', { recipients: ['root'] }],
  ['-o i root', { dotEnds: false, recipients: ['root'] }],
  ['-O IgnoreDots=true root', { dotEnds: false, recipients: ['root'] }],
  ['-OIgnoreDots root', { dotEnds: false, recipients: ['root'] }],
  ['-O IgnoreDots=False root', { recipients: ['root'] }],
  ['-it', { dotEnds: false, fromMessage: true }],
  ['-ti', { dotEnds: false, fromMessage: true }],
  ['-n root', { noAliases: true, recipients: ['root'] }],
  ['-v root', { verbose: true, recipients: ['root'] }],
  ['-ov root', { verbose: true, recipients: ['root'] }],
  ['-f alice root', { sender: 'alice', recipients: ['root'] }],
  ['-falice root', { sender: 'alice', recipients: ['root'] }],
  ['-f <> root', { sender: '<>', recipients: ['root'] }],
  ['-r alice@b root', { sender: 'alice@b', recipients: ['root'] }],
  ['-tfalice', { fromMessage: true, sender: 'alice' }],
  ['-FCronDaemon root', { name: 'CronDaemon', recipients: ['root'] }],
  ['-iFCron root', { dotEnds: false, name: 'Cron', recipients: ['root'] }],
  ['-F Cron root', { name: 'Cron', recipients: ['root'] }],
  ['-oem root', { recipients: ['root'] }],
  ['-oeq root', { quiet: true, recipients: ['root'] }],
  ['-e q root', { quiet: true, recipients: ['root'] }],
  ['-OErrorMode=quiet root', { quiet: true, recipients: ['root'] }],
  ['-odi -oem -or0s root', { recipients: ['root'] }],
  ['-odioem root', { recipients: ['root'] }],
  ['-O DeliveryMode=i root', { recipients: ['root'] }],
  ['-oQ/tmp -oA/etc/aliases -oMrPROTO -oT2h -o7 -o8 -om -oZ root', { recipients: ['root'] }],
  ['-bm root', { recipients: ['root'] }],
  ['-b m root', { recipients: ['root'] }],
  ['-bp', { duty: 'queue' }],
  ['-bi', { duty: 'aliases' }],
  ['-I', { duty: 'aliases' }],
  ['-bv root', { duty: 'verify', recipients: ['root'] }],
  ['-q', { duty: 'flush' }],
  ['-q30m', { duty: 'flush' }],
  ['-qIABC', { duty: 'flush' }],
  ['-q root', { duty: 'flush', recipients: ['root'] }],
  ['-B8BITMIME -N never -Rhdrs -V id -h 3 root', { recipients: ['root'] }],
  ['-B 7bit -L tag -Am -Ac -C /dev/null -D f -X f -pSMTP:host root', { recipients: ['root'] }],
  ['-m -G -U -s -c -x -d0.1 -d root', { recipients: ['root'] }],
  ['-- -root', { recipients: ['-root'] }],
  ['root -f alice', { recipients: ['root', '-f', 'alice'] }],
  ['root -bs', { recipients: ['root', '-bs'] }],
  ['-', { recipients: ['-'] }],
  ['--config file root', { config: 'file', recipients: ['root'] }],
  ['--config=file -t', { config: 'file', fromMessage: true }],
  ['--help', { duty: 'help' }],
  ['--version', { duty: 'version' }],
  // cron, bsd-mailx, mailutils, s-nail, git send-email, mutt, PHP
  ['-FCronDaemon -i -odi -oem root', { name: 'CronDaemon', dotEnds: false, recipients: ['root'] }],
  [
    '-FCronDaemon -i -B8BITMIME -oem root',
    { name: 'CronDaemon', dotEnds: false, recipients: ['root'] },
  ],
  ['-i -t', { dotEnds: false, fromMessage: true }],
  ['-oi -f a@b -t', { dotEnds: false, sender: 'a@b', fromMessage: true }],
  ['-i -- root alice', { dotEnds: false, recipients: ['root', 'alice'] }],
  ['-f a@b -i c@d', { dotEnds: false, sender: 'a@b', recipients: ['c@d'] }],
  ['-oem -oi -- c@d', { dotEnds: false, recipients: ['c@d'] }],
  ['-t -i', { dotEnds: false, fromMessage: true }],
];
for (const [args, read] of table) {
  test(`readSendmailLine() reads ${args}`, () => {
    assert.deepEqual(readSendmailLine('sendmail', words(args)), { ...plain, ...read });
  });
}

const refused: Record<string, string> = {
  '': 'recipient names must be specified',
  '-i': 'recipient names must be specified',
  '--': 'recipient names must be specified',
  '-bv': 'addresses must be specified',
  '-Z root': 'there is no option "-Z"',
  '-tZ': 'there is no option "-Z"',
  '--foo root': 'there is no option "--foo"',
  '--constructor root': 'there is no option "--constructor"',
  '-f': 'option "-f" needs a value',
  '--config': 'option "--config" needs a value',
  '-bs':
    '"-bs", SMTP on standard input, is not what this program does: it sends one message and ends',
  '-bd -q30m':
    '"-bd", a daemon that receives mail, is not what this program does: it sends one message and ends',
  '-bz': 'there is no mode "-bz"',
  '-B BINARY root': '"BINARY" is no type of a body; there are 7BIT and 8BITMIME',
};
for (const [args, problem] of Object.entries(refused)) {
  test(`readSendmailLine() refuses ${JSON.stringify(args)}`, () => {
    assert.throws(
      () => readSendmailLine('sendmail', words(args)),
      (error) =>
        error instanceof Failure &&
        error.exit === EXIT.USAGE &&
        error.message.startsWith(`usage error: ${problem}\nusage:\t`),
    );
  });
}

const names: Record<string, SendmailLine['duty']> = {
  mailq: 'queue',
  newaliases: 'aliases',
  'cron-sendmail': 'flush',
};
for (const [name, duty] of Object.entries(names)) {
  test(`readSendmailLine() knows what ${name} is called for`, () => {
    const args = duty === 'flush' ? ['-q'] : [];
    assert.equal(readSendmailLine(name, args).duty, duty);
  });
}

test('readSendmailLine() ends with a line or with a usage, whatever it is given', () => {
  const word = fc.string({ unit: fc.constantFrom(...'-tifFoOBbmpqv8= ar@'.split('')) });
  fc.assert(
    fc.property(fc.array(word), (args) => {
      try {
        const line = readSendmailLine('sendmail', args);
        assert.deepEqual(line.recipients, args.slice(args.length - line.recipients.length));
      } catch (error) {
        assert.ok(error instanceof Failure);
        assert.equal(error.exit, EXIT.USAGE);
      }
    }),
  );
});
