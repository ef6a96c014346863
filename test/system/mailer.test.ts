/**
 * What a mailer is called with, and what it reads: byte for byte what Debian's own cron hands to it, and then more.
 *
 * The mailers are recorders. Debian's cron has its command line compiled in; ours is given it, and the lines of
 * vixie's config.h, by option, by environment and by the configuration file.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Box, boxed, openBox, until } from '../support/system.ts';
import {
  DEBIAN,
  debian,
  installTab,
  own,
  startDebian,
  startMailcron,
  unpackDebian,
} from './crons.ts';
import { decodedBody } from '../mail/mail.ts';
import { type Call, calls, commandOf, fieldsOf, installRecorder, parseMail } from './mails.ts';

const DEBIANS = '%s -FCronDaemon -i -B8BITMIME -oem %s';

interface Way {
  readonly mailcmd: string;
  readonly mailargs: string;
  /** The mailer's words before the recipient. */
  readonly words: readonly string[];
  readonly by: 'option' | 'environment' | 'file';
}

const WAYS: Record<string, Way> = {
  debian: {
    mailcmd: '/usr/lib/sendmail-debian',
    mailargs: DEBIANS,
    words: ['-FCronDaemon', '-i', '-B8BITMIME', '-oem'],
    by: 'option',
  },
  sendmail: {
    mailcmd: '/usr/lib/sendmail-recorder',
    mailargs: '%s -FCronDaemon -odi -oem -or0s %s',
    words: ['-FCronDaemon', '-odi', '-oem', '-or0s'],
    by: 'environment',
  },
  mail: { mailcmd: '/bin/mail-recorder', mailargs: '%s -d %s', words: ['-d'], by: 'file' },
  submit: {
    mailcmd: '/usr/lib/mmdf/submit-recorder',
    mailargs: '%s -mlrxto %s',
    words: ['-mlrxto'],
    by: 'option',
  },
};

/** Jobs by what is special about their mail. */
const ENTRIES = String.raw`
GREETING = "hello  world"
EMPTY = ""
@reboot echo plain
@reboot cat%lines%from%%the tab
@reboot printf "no end of line"
@reboot printf ".\n..\n.\nFrom nobody\n"
@reboot printf "\000\001\r\n\377\n"
@reboot head -c 3000000 /dev/zero | tr "\000" "x"
@reboot echo grüße; exit 3
@reboot kill -TERM $$; echo never
@reboot echo out; echo err >&2; kill -KILL $$
MAILFROM = nobody@example.test
CONTENT_TYPE = "text/html; charset=us-ascii"
CONTENT_TRANSFER_ENCODING = 7bit
@reboot echo headers
MAILTO = bob+tag@example.test
@reboot echo elsewhere
MAILTO = bob,carol
@reboot echo to two
MAILTO = ""
@reboot echo to nobody
`;

const USERS = ['alice', 'root'];
const JOBS = 11; // that print something to somebody
/** What they print is more than each mailer brings across: it is encoded. */
const BEYOND_MAILERS = /: (printf "\\000|head -c 3000000)/;
const TO_TWO = 'echo to two';

test('mailers get what Debian’s cron gives them', boxed, async (t) => {
  const box = await openBox(t, { packages: DEBIAN });
  await unpackDebian(box);
  await installRecorder(
    box,
    '/usr/sbin/sendmail',
    ...Object.values(WAYS).map((way) => way.mailcmd),
  );
  for (const paths of [debian, ...Object.keys(WAYS).map(own)])
    for (const user of USERS) await installTab(box, paths, user, ENTRIES);
  await startDebian(box);
  await Promise.all(Object.entries(WAYS).map(([name, way]) => start(box, name, way)));

  const theirs = await recorded(box, '/usr/sbin/sendmail', debian.log);
  await t.test('Debian’s has recipients in one word', () =>
    assert.deepEqual(theirs.get(`alice: ${TO_TWO}`)?.argv.slice(-2), ['-oem', 'bob,carol']),
  );

  for (const [name, { mailcmd, words }] of Object.entries(WAYS)) {
    const ours = await recorded(box, mailcmd, own(name).log);
    await t.test(`${name}: each mail begins with the same header, and has the same body`, () => {
      assert.deepEqual([...ours.keys()].toSorted(), [...theirs.keys()].toSorted());
      for (const [job, call] of ours) {
        const [mine, debians] = [parseMail(call.stdin), parseMail(theirs.get(job)?.stdin ?? '')];
        const end = mine.header.findIndex((line) => line.startsWith('Date: '));
        const header = mine.header.slice(0, end);
        if (BEYOND_MAILERS.test(job)) {
          const how = header.splice(5, 1, 'Content-Transfer-Encoding: 8bit').join();
          assert.match(how, /^Content-Transfer-Encoding: (quoted-printable|base64)$/, job);
          const [type = ''] = header.splice(4, 1, header[4]?.replace('\t;', ';') ?? '');
          assert.match(type, /^Content-Type: text\/plain\t;/, job); // or sendmail would decode it
        }
        assert.deepEqual(job.includes('gr') ? fieldsOf(header) : header, debians.header, job);
        const isSame = decodedBody(mine.header.join('\n'), mine.body) === debians.body;
        assert.ok(isSame, job);
        if (!BEYOND_MAILERS.test(job)) assert.ok(mine.body === debians.body, job);
      }
    });
    await t.test(`${name}: the arguments are vixie’s, with a word for each recipient`, () => {
      for (const [job, call] of ours) {
        const recipients = theirs.get(job)?.argv.at(-1)?.split(',') ?? [];
        assert.deepEqual(call.argv, [mailcmd, ...words, ...recipients], job);
      }
    });
    await t.test(`${name}: the mailer has the ids of the job’s user`, () => {
      for (const [job, call] of ours) {
        const { uid, gid, groups } = theirs.get(job) ?? {};
        assert.deepEqual([call.uid, call.gid, call.groups], [uid, gid, groups], job);
      }
    });
  }
});

async function start(box: Box, name: string, { mailcmd, mailargs, by }: Way): Promise<void> {
  await startMailcron(box, {
    name,
    args: by === 'option' ? ['--mailcmd', mailcmd, '--mailargs', mailargs] : [],
    env: by === 'environment' ? { MAILCMD: mailcmd, MAILARGS: mailargs } : {},
    settings: by === 'file' ? `[mail]\nmailcmd = "${mailcmd}"\nmailargs = "${mailargs}"\n` : '',
  });
}

/** The calls of a recorder when all have come, by user and command. */
async function recorded(box: Box, path: string, log: string): Promise<Map<string, Call>> {
  const all = await until(
    `${path} is called for every mail`,
    async () => {
      const found = await calls(box, path);
      return found.length >= JOBS * USERS.length ? found : undefined;
    },
    async () => `${(await calls(box, path)).map(nameOf).join('\n')}\n${await box.read(log)}`,
  );
  return new Map(all.map((call) => [nameOf(call), call]));
}

function nameOf({ stdin }: Call): string {
  const [, user] = /^Subject: Cron <(\w+)@/m.exec(stdin) ?? [];
  return `${user}: ${commandOf(parseMail(stdin))}`;
}
