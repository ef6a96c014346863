/**
 * Debian's own crontabs, as its packages ship them, under Debian's cron and under ours.
 *
 * No schedule is rewritten. Each cron is told by libfaketime that it is eight seconds before a minute in which entries
 * are due, so the real entries run at their real times; two boxes, alike but for the cron in them, must then log the
 * same commands and have run the same programs. The programs that the entries look for (`test -x ...`) are
 * stubs that record who ran them, with what, where; what the commands do besides is real.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { type Box, boxed, openBox, until } from '../support/system.ts';
import { debian, DEBIAN, own, startDebian, startMailcron, unpackDebian } from './crons.ts';
import { commandOf, mailbox } from './mails.ts';

/** Packages with a file of their own in /etc/cron.d; sendmail's is there too, made as it was installed. */
const PACKAGES = [
  'amavisd-new',
  'anacron',
  'awstats',
  'certbot',
  'cron-apt',
  'dma',
  'e2fsprogs',
  'inn2',
  'logcheck',
  'mailman3',
  'mdadm',
  'munin',
  'munin-node',
  'ntpsec',
  'php-common',
  'popularity-contest',
  'rsnapshot',
  'sysstat',
  'tiger',
];

/** Minutes that between them make every entry due. The day is a Sunday and the first of a month. */
const MINUTES = (
  '00:00 00:57 01:24 03:02 03:10 03:18 03:27 03:30 03:32 04:00 04:15 ' +
  '06:17 06:25 06:47 06:52 07:30 08:00 10:14 12:00 12:09 23:59'
).split(' ');

test('Debian’s own crontabs run as under Debian’s cron', boxed, async (t) => {
  const [theirs, ours] = await Promise.all([open(t), open(t)]);
  // Its minute is drawn when it is installed.
  const drawn = /^(\d+) (\d+) .*popularity/m.exec(await theirs.read(popularity)) ?? [];
  const minutes = [...new Set([...MINUTES, `${pad(drawn[2])}:${pad(drawn[1])}`])];
  await ours.write(popularity, await theirs.read(popularity));
  const written = await entries(theirs);

  const ran = async (box: Box, minute: string): Promise<string[]> =>
    commands(await box.read(own(name(minute)).log));
  await Promise.all(minutes.map((minute) => startDebianAt(theirs, minute)));
  const missing = async (): Promise<string[]> => {
    const seen = (await Promise.all(minutes.map((minute) => ran(theirs, minute)))).flat();
    return written.filter((entry) => !seen.includes(entry));
  };
  await until(
    'Debian’s cron has run every entry',
    async () => (await missing()).length === 0 || undefined,
    async () => show(await missing()),
  );

  for (const some of chunks(minutes, 11)) {
    await Promise.all(some.map((minute) => startMailcronAt(ours, minute)));
    for (const minute of some) {
      await until(
        `mailcron runs what is due at ${minute}`,
        async () => show(await ran(ours, minute)) === show(await ran(theirs, minute)) || undefined,
        async () =>
          `due:\n${show(await ran(theirs, minute))}\nlogged:\n${await ours.read(own(name(minute)).log)}`,
      );
    }
  }

  await t.test('and loads them without a complaint', async () => {
    for (const minute of minutes) {
      const log = await ours.read(own(name(minute)).log);
      const complaints = log.split('\n').filter((line) => line !== '' && !ORDINARY.test(line));
      assert.deepEqual(complaints, [], minute);
    }
  });

  await t.test('and the same programs ran, as the same users in the same places', async () => {
    const record = async (box: Box): Promise<string[]> =>
      (await box.read('/var/recorder/ran')).split('\n').toSorted();
    await until(
      'both have recorded as much',
      async () => (await record(theirs)).length === (await record(ours)).length || undefined,
    ).catch(() => 'the comparison says more');
    assert.deepEqual(await record(ours), await record(theirs));
  });

  await t.test(
    'and what one of them printed lies in root’s mailbox, by way of Sendmail',
    async () => {
      const mail = await until('there is mail from anacron’s entry', async () =>
        (await mailbox(ours, 'root')).find((each) =>
          commandOf(each).includes('/etc/init.d/anacron'),
        ),
      );
      assert.match(mail.body, /policy-rc\.d denied execution of start\.\n$/);
    },
  );
});

const popularity = '/etc/cron.d/popularity-contest';
/** What a log says when all is well. */
const ORDINARY = /\([\w-]+\) (?:STARTUP|INFO|CMD) \(/;

/** Says who runs it, with what, where. */
const STUB = `#!/bin/sh
groups=$(/usr/bin/id -G | tr ' ' '\\n' | sort -n | tr '\\n' ' ')
echo "$0 $*: $(/usr/bin/id -u) $groups in $PWD with $PATH" >> /var/recorder/ran
`;

/** A box with the crontabs in /etc as their packages leave them, and a stub of every program that they look for. */
async function open(t: TestContext): Promise<Box> {
  const box = await openBox(t, {
    mail: 'sendmail',
    packages: [...DEBIAN, 'libfaketime', ...PACKAGES],
  });
  await unpackDebian(box);
  await box.write('/opt/stub', STUB);
  await box.run(`
    for deb in /debs/*.deb; do
      dpkg --fsys-tarfile $deb |
        tar -x -C / --keep-directory-symlink --wildcards './etc/cron.d/*' 2> /dev/null || :
    done
    dpkg --fsys-tarfile /debs/libfaketime_*.deb | tar -x -C / --keep-directory-symlink
    DEBIAN_FRONTEND=noninteractive dpkg -i /debs/popularity-contest_*.deb
    rm -rf /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly
    install -d -m 1777 /var/recorder
    install -m 666 /dev/null /var/recorder/ran
    for user in $(sed -nE '
      s/^[0-9*@]\\S*\\s+(\\S+\\s+){4}([a-z-]+)\\s.*/\\2/p
      s/^@reboot\\s+(\\S+).*/\\1/p' /etc/cron.d/*); do
      id $user > /dev/null 2>&1 || useradd -r $user
      eval install -d -o $user ~$user
    done
    programs=$(grep -hoE -e '-[xe] /[^] "]+' /etc/cron.d/* | cut -c4- |
      grep -vE '^/(run|etc/cron|usr/libexec/sendmail)')
    for program in $programs /usr/lib/sysstat/debian-sa1 /etc/cron.daily/popularity-contest \\
      /etc/cron.hourly/stub /etc/cron.daily/stub /etc/cron.weekly/stub /etc/cron.monthly/stub; do
      install -D -m 755 /opt/stub $program
    done`);
  return box;
}

/** Every entry of the box's crontabs, as cron logs it when it runs: `(user) CMD (command)`. */
async function entries(box: Box): Promise<string[]> {
  const all = await box.run(
    `cat ${debian.systemCrontab}; for file in ${debian.cronD}/*; do cat $file; done`,
  );
  const found = [...all.matchAll(/^(?:(?:[\d*]\S*\s+)(?:\S+\s+){4}|@reboot\s+)(\S+)\s+(.+)$/gm)];
  assert.ok(found.length >= 34, 'These are not all of the entries');
  return found.map(([, user, command = '']) => `(${user}) CMD (${logged(command)})`);
}

/** A command as the log shows it: `\%` unescaped, a tab as `^I`. */
function logged(command: string): string {
  return command.replaceAll('\\%', '%').replaceAll('\t', '^I');
}

/** Sunday the first of February, eight seconds before a minute: room for eleven daemons to start on a busy machine. */
function before(minute: string): Record<string, string> {
  const start = new Date(Date.parse(`2026-02-01T${minute}:00Z`) - 8000);
  return {
    LD_PRELOAD: '/usr/$LIB/faketime/libfaketime.so.1',
    FAKETIME: `@${start.toISOString().slice(0, 19).replace('T', ' ')}`,
    DONT_FAKE_MONOTONIC: '1',
    TZ: 'UTC',
  };
}

async function startDebianAt(box: Box, minute: string): Promise<void> {
  await startDebian(box, { name: name(minute), env: before(minute) });
}

async function startMailcronAt(box: Box, minute: string): Promise<void> {
  const paths = { ...own(name(minute)), systemCrontab: debian.systemCrontab, cronD: debian.cronD };
  await startMailcron(box, { name: name(minute), paths, env: before(minute) });
}

function name(minute: string): string {
  return `at-${minute.replace(':', '')}`;
}

/** The `(user) CMD (command)` of a log; docs/differences.md, "Blanks before the command". */
function commands(log: string): string[] {
  const lines = log.split('\n').flatMap((line) => /\([\w-]+\) CMD \(.*\)$/.exec(line) ?? []);
  return lines.map((line) => line.replace(/ CMD \((?: |\^I)+/, ' CMD ('));
}

function show(lines: readonly string[]): string {
  return lines.toSorted().join('\n');
}

function* chunks<T>(all: readonly T[], size: number): Iterable<T[]> {
  for (let start = 0; start < all.length; start += size) yield all.slice(start, start + size);
}

function pad(digits = ''): string {
  return digits.padStart(2, '0');
}
