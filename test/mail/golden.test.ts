/** A line of a crontab, run by a real shell, becomes a mail: all of its bytes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCrontab } from '../../src/core/crontab.ts';
import { firingOf } from '../../src/run/firing.ts';
import { createJournal } from '../../src/run/journal.ts';
import { everyone } from '../../src/run/account.ts';
import { startRunner } from '../../src/run/runner.ts';
import { launcher, self } from '../run/started.ts';
import { takeOver } from '../run/desk.ts';
import { golden } from '../support/golden.ts';
import { openSandbox } from '../support/sandbox.ts';
import { bytesOf } from './mail.ts';

/** Alice, whoever runs the tests. */
const ALICE = { ...self, name: 'alice', home: '/' };

interface Golden {
  /** A byte string, as crontabs are. */
  readonly tab: string;
  readonly recipients?: readonly string[];
  /** The -L option. */
  readonly logBits?: number;
}

const utf8 = (text: string): string => Buffer.from(text).toString('latin1');

const goldens: Record<string, Golden> = {
  ordinary: { tab: '@reboot echo hello; echo error >&2\n' },
  'mailto-and-mailfrom': {
    tab: 'MAILTO="bob, eve@example.org"\nMAILFROM=cron@example.org\n@reboot echo hello\n',
    recipients: ['bob', 'eve@example.org'],
  },
  'content-type': {
    tab:
      'CONTENT_TYPE="text/html; charset=ISO-8859-1"\nCONTENT_TRANSFER_ENCODING=quoted-printable\n' +
      '@reboot printf "<p>caf=E9</p>\\n"\n',
  },
  stdin: { tab: '@reboot cat -A; echo 100\\%%Dear all,%%is 5\\% enough?%From root\n' },
  failed: { tab: '@reboot echo going; exit 3\n', logBits: 4 },
  'failed-unmarked': { tab: '@reboot echo going; exit 3\n' },
  'eight-bit': {
    tab: `NAME=${utf8('Zoë')}\n@reboot printf '${utf8('Grüße')} \\351\\377\\001\\n'; echo ${utf8('€')} \xe9\n`,
  },
  environment: {
    tab:
      'SHELL=/bin/sh\nPATH=/usr/local/bin:/usr/bin:/bin\nMAILTO=alice\nTZ=Europe/Berlin\n' +
      "LANG = 'C.UTF-8'\nEMPTY=\nSPACES='  two  '\n\"A NAME\"=value\nLOGNAME=mallory\nUSER=mallory\n" +
      Array.from({ length: 50 }, (_, index) => `VARIABLE_${index}=value ${index}\n`).join('') +
      'TZ=UTC\n@reboot echo "$LOGNAME $USER $TZ $SPACES $VARIABLE_49"\n',
  },
  'header-injection': {
    tab:
      'X=1\rBcc: eve@example.org\r\rbody\nMAILFROM=a@x\rBcc: eve\nCONTENT_TYPE=text/plain\rBcc: eve\n' +
      '@reboot echo x\r\x0bBcc: eve@example.org\x0c\r\n',
  },
  names: {
    tab: `MAILTO='"Lee, Ann" <ann@example.org>, ${utf8('René')} <rene@x>,bob bob'\nMAILFROM=Cron at work <cron@example.org>\n@reboot echo hello\n`,
    recipients: ['ann@example.org', 'rene@x', 'bob'],
  },
  secrets: { tab: 'DB_PASSWORD=hunter2\nUSERNAME=bob\n@reboot echo hello\n' },
  'not-for-every-mailer': {
    tab: `@reboot printf '10 \\%\\%\\r100 \\%\\%\\n'; echo 'and a long line'; head -c 1000 /dev/zero | tr '\\000' x\n`,
  },
  binary: { tab: '@reboot head -c 100 /dev/zero\n' },
  'unsafe-mailto': { tab: 'MAILTO=bob;id\n@reboot echo hello\n' },
  'no-newline-at-the-end': { tab: '@reboot printf "."\n' },
};

for (const [name, { tab, recipients = ['alice'], logBits = 0 }] of Object.entries(goldens))
  test(`the mail of test/golden/${name}.eml`, async (t) => {
    const sandbox = openSandbox(t);
    const { entries, problems } = parseCrontab(tab, { kind: 'user', owner: 'alice', seed: '' });
    assert.deepEqual(problems, []);
    const firings = entries.map((entry) => firingOf('alice', 'alice', entry, 'boot'));
    const mails: { recipients: readonly string[]; bytes: Buffer }[] = [];
    const runner = await startRunner({
      users: { find: () => Promise.resolve(ALICE) },
      launcher,
      account: everyone,
      hold: null,
      scope: null,
      log: () => {},
      baseEnvironment: () => [['LANG', 'C']],
      passed: [],
      outputLimit: 1_000_000,
      keepLong: (file) => file,
      limits: { all: 10, perUser: 10 },
      outputFile: (run) => sandbox.path(run),
      logBits,
      linger: 1000,
      journal: createJournal(sandbox.path('journal'), () => {}),
      recorder: {
        mailed: () => {},
        prepare: async () => () => {},
        later: () => {},
        flush: () => true,
        close: () => {},
      },
      deliver: async (mail) => {
        mails.push({ recipients: mail.recipients, bytes: await bytesOf(mail) });
        return true;
      },
      letterhead: {
        host: 'web1',
        origin: 'web1.example.org',
        charset: 'UTF-8',
        markFailed: (logBits & 4) !== 0,
        mask: ['*PASSWORD*'],
        limit: 10_000_000,
      },
      socket: sandbox.path('socket'),
    });
    const desk = await takeOver(sandbox.path('socket'));
    desk.say({ order: 'start', firings, busy: [] }, { order: 'drain' });
    await runner.ended;
    assert.equal(mails.length, 1);
    assert.deepEqual(mails[0]?.recipients, recipients);
    golden(`${name}.eml`, steady(mails[0]?.bytes ?? Buffer.alloc(0)));
  });

const VARYING: Record<string, readonly [is: RegExp, stands: string]> = {
  Date: [/^\w{3}, \d\d? \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}$/, 'Sun, 22 Nov 2026 15:30:00 +0000'],
  'Message-ID': [/^<\w+-\d+-\w+\.[\w-]{22}@web1\.example\.org>$/, '<RUN.ENTRY@web1.example.org>'],
  'X-Cron-Duration': [/^\d+\.\d{3}$/, '0.012'],
};

/** The same mail, whenever it was written. */
function steady(mail: Buffer): Buffer {
  let text = mail.toString('latin1');
  for (const [name, [is, stands]] of Object.entries(VARYING))
    text = text.replace(new RegExp(`^${name}: (.*)$`, 'm'), (_, value: string) => {
      assert.match(value, is);
      return `${name}: ${stands}`;
    });
  return Buffer.from(text, 'latin1');
}
