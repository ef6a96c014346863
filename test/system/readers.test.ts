/** Mailboxes that we write and others read, and write to as well: everything is there, once and whole. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boxed, openBox } from '../support/system.ts';

const MAILBOX = '/var/mail/bob';

/** As bob, in the group `mail` as a deposit is, with an environment of his. */
const AS_BOB =
  'setpriv --reuid=bob --regid=mail --groups=$(id -g bob),8 env -i HOME=/home/bob USER=bob LOGNAME=bob PATH=/usr/local/bin:/usr/bin:/bin TERM=xterm LANG=C.UTF-8';
const deposit = (file: string): string =>
  `${AS_BOB} node /src/dist/src/cli/deposit.js mbox ${MAILBOX} 60000 alice@web1 < ${file}`;

const headOf = (name: string): string => `From: root (Cron Daemon)
To: bob
Subject: ${name}
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit
Date: Sun, 22 Nov 2026 12:00:00 +0000
Message-ID: <${name}@web1>

`;

const BODIES: Record<string, string> = {
  from: 'From me\n\nFrom you to me Sun Nov 22 12:00:00 2026\n>From him\n',
  long: `${'x'.repeat(900)}\n`,
  eight: 'gr\xc3\xbc\xc3\x9fe, and \xe9 of another charset\n',
  endless: 'no newline at the end',
  big: 'a line of a big mail\n'.repeat(100_000),
  empty: '',
};
const NAMES = Object.keys(BODIES);

/** What each reader says of the mails: a shell command that writes bodies to /tmp/out/NAME; whether it takes the marks off. */
const readers: Record<string, [command: string, unquotes: boolean]> = {
  'bsd-mailx': [
    NAMES.map((name, index) => `printf 'copy ${index + 1} /tmp/out/${name}\\nx\\n'`)
      .map((commands) => `${commands} | ${AS_BOB} bsd-mailx -N -f ${MAILBOX}`)
      .join('\n'),
    false,
  ],
  mailutils: [
    NAMES.map(
      (name, index) =>
        `${AS_BOB} readmsg.mailutils -a -f ${MAILBOX} ${index + 1} > /tmp/out/${name}`,
    ).join('\n'),
    true,
  ],
  mutt: [
    `install -d -o bob /home/bob/Mail # or it asks whether to make it
    ${AS_BOB} script -qec "mutt -n -F /dev/null -R -f ${MAILBOX} -e 'set confirmappend=no confirmcreate=no' -e 'push \\"<tag-pattern>~A<enter><tag-prefix><copy-message>/tmp/out/box<enter><exit>\\"'" /dev/null < /dev/null > /dev/null
formail -b -s sh -c 'cat > /tmp/out/$FILENO' < /tmp/out/box
    for file in /tmp/out/[0-9]*; do mv $file /tmp/out/$(sed -n 's/^Subject: //p;/^$/q' $file); done`,
    false,
  ],
  dovecot: [
    NAMES.map(
      (name) =>
        `${AS_BOB} doveadm fetch text mailbox INBOX subject ${name} | tail -n +2 > /tmp/out/${name}`,
    ).join('\n'),
    false,
  ],
};

test(
  'mail programs read what is in a mailbox, and what they write into it does not bring mail twice',
  boxed,
  async (t) => {
    const box = await openBox(t, { mail: 'readers' });
    for (const [name, body] of Object.entries(BODIES)) {
      await box.write(`/tmp/${name}`, Buffer.from(headOf(name) + body, 'latin1'));
      await box.run(deposit(`/tmp/${name}`));
    }
    for (const [reader, [command, unquotes]] of Object.entries(readers))
      await t.test(`${reader} reads them`, async () => {
        await box.run(`rm -rf /tmp/out; install -d -m 777 /tmp/out; ${command}`);
        for (const [name, body] of Object.entries(BODIES)) {
          const read = await box.read(`/tmp/out/${name}`);
          const [head = '', ...rest] = read.split('\n\n');
          assert.match(head, new RegExp(`^Subject: ${name}$`, 'm'));
          const expected = unquotes ? body : body.replaceAll(/^(>*From )/gm, '>$1');
          assert.ok(
            rest.join('\n\n').trimEnd() === expected.trimEnd(),
            `${name}: ${read.slice(0, 500)}`,
          );
        }
      });
    await box.run(`printf 'type 1\\nq\\n' | ${AS_BOB} bsd-mailx -N -f ${MAILBOX}`);
    const before = await box.read(MAILBOX);
    assert.match(before, /^X-UID: /m);
    assert.match(before, /^Status: RO?$/m);
    for (const name of NAMES) await box.run(deposit(`/tmp/${name}`));
    assert.ok((await box.read(MAILBOX)) === before);
  },
);

const COUNT = 10;
const FROM = 'From x@y Sun Nov 22 12:00:00 2026';

/** How other programs put a file that is a mail into the mailbox, each with the locks that it takes. */
const writers: Record<string, (file: string) => string> = {
  procmail: (file) =>
    `${AS_BOB} procmail -f x@y LOCKSLEEP=1 DEFAULT=${MAILBOX} ORGMAIL=${MAILBOX} /dev/null < ${file}`,
  liblockfile: (file) =>
    `until ${AS_BOB} dotlockfile -l -r 0 ${MAILBOX}.lock; do sleep 0.05; done
    { echo '${FROM}'; cat ${file}; echo; } >> ${MAILBOX}
    ${AS_BOB} dotlockfile -u ${MAILBOX}.lock`,
  dovecot: (file) => `${AS_BOB} /usr/lib/dovecot/dovecot-lda -f x@y < ${file}`,
};

test(
  'nothing is lost where others write to a mailbox and remove mails at the same time',
  boxed,
  async (t) => {
    const box = await openBox(t, { mail: 'readers' });
    for (const [writer, command] of Object.entries(writers))
      await t.test(`${writer} writes`, async () => {
        const names = (kind: string): string[] =>
          Array.from({ length: COUNT }, (_, index) => `${writer}-${kind}-${index}`);
        const bodyOf = (name: string): string =>
          `a line of ${name}\n`.repeat(name.endsWith('1') ? 30_000 : 100);
        const [read, old, ours, theirs] = ['read', 'old', 'ours', 'theirs'].map(names);
        assert.ok(read && old && ours && theirs);
        // procmail takes the lock file first and dovecot the record lock: these two can wait for each other.
        const gone = writer === 'procmail' ? [] : read;
        const before = [...read, ...old].map((name) => `${FROM}\n${headOf(name)}${bodyOf(name)}\n`);
        await box.write(MAILBOX, before.join(''), 'bob', 0o600);
        for (const name of [...ours, ...theirs])
          await box.write(`/tmp/${name}`, headOf(name) + bodyOf(name));
        const works = [
          ours.map((name) => deposit(`/tmp/${name}`)),
          theirs.map((name) => command(`/tmp/${name}`)),
          gone.map(
            (name) => `${AS_BOB} doveadm expunge mailbox INBOX header message-id '<${name}@web1>'`,
          ),
        ];
        await Promise.all(works.map((commands) => box.run(commands.join('\n') || 'true')));
        const mails = (await box.read(MAILBOX)).split(/(?<![^\n])From .*\n/).slice(1);
        const found = new Map(
          mails.map((mail) => [
            /^Subject: (.*)$/m.exec(mail)?.[1] ?? '',
            `${mail.slice(mail.indexOf('\n\n') + 2).trimEnd()}\n`,
          ]),
        );
        const left = writer === 'procmail' ? read : [];
        const expected = [...left, ...old, ...ours, ...theirs].map(
          (name) => [name, bodyOf(name)] as const,
        );
        assert.equal(mails.length, expected.length);
        for (const [name, body] of expected) assert.ok(found.get(name) === body, name);
        assert.deepEqual(await box.list('/var/mail'), ['bob']);
      });
  },
);
