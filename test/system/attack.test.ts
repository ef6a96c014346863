/**
 * Users who want to be root: what a crontab can say to make something of its owner's run before privileges are gone.
 *
 * Every attack is a user of its own, with a tab and with weapons in ~/w: programs and libraries that write down who
 * runs them. For each the job must have run, its mailer too, both as that user; and nobody's weapon as root. Where
 * a weapon is expected to work inside the job, that is asked for as well: it shows that the weapon is one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodedBody } from '../mail/mail.ts';
import { type Box, boxed, openBox, until } from '../support/system.ts';
import { debian, installTab, startMailcron } from './crons.ts';
import { type Call, calls, installRecorder, parseMail } from './mails.ts';

interface Attack {
  /** Lines of the tab above the entry. */
  readonly assignments?: readonly string[];
  /** What the job does first; then it tells its ids. */
  readonly command?: string;
  /** A weapon that goes off in the job, as its user. */
  readonly weapon?: string;
  /** What else must be so; `output` is what the job printed before its ids. */
  readonly check?: (output: string, call: Call) => void;
}

/** The daemon has these from who started it, and keeps them. */
const SERVICE = {
  NOTIFY_SOCKET: '/run/systemd/notify',
  WATCHDOG_PID: '1',
  WATCHDOG_USEC: '60000000',
  LISTEN_FDS: '1',
  LISTEN_PID: '1',
  LISTEN_FDNAMES: 'socket',
  JOURNAL_STREAM: '9:99999',
  INVOCATION_ID: '0123456789abcdef0123456789abcdef',
  NODE_OPTIONS: '--no-warnings',
  NODE_ENV: 'production',
  CRON_SECRET: 'of the daemon',
};

const STRANGE_HOME = `/home/strangehome/a 'b' "c";$(~/w/script) & \\ *`;
const NAMES = [
  'a b',
  'x;~/w/script',
  'a.b',
  '-i',
  '-S/home/names/w/script',
  '--split-string',
  '--chdir',
  '--',
  '--reuid',
  '$(/home/names/w/script)',
  "it's",
];
/** Every byte that a value can have; the quotes around it must be the other ones. */
const bytes = (quote: string): string =>
  Array.from({ length: 255 }, (_, index) => String.fromCodePoint(index + 1))
    .filter((byte) => byte !== '\n' && byte !== quote)
    .join('');

const toOwner = (_: string, { argv }: Call): void =>
  assert.deepEqual(argv.slice(1, -1), ['-FCronDaemon', '-i', '-odi', '-oem']);

const ATTACKS: Record<string, Attack> = {
  path: {
    assignments: ['PATH=/home/path/w:/usr/bin:/bin'],
    command: 'setpriv; chroot; env; sh -c :; test 1; node',
    weapon: 'sh',
  },
  preload: { assignments: ['LD_PRELOAD=/home/preload/w/witness.so'], weapon: 'witness.so' },
  audit: { assignments: ['LD_AUDIT=/home/audit/w/witness.so'] },
  library: {
    assignments: ['LD_LIBRARY_PATH=/home/library/w'],
    command: '/usr/bin/setpriv --version',
    weapon: 'libcap-ng.so.0',
  },
  gconv: {
    assignments: ['GCONV_PATH=/home/gconv/w'],
    command: '/usr/bin/iconv -f EVIL -t UTF-8 /dev/null',
    weapon: 'EVIL.so',
  },
  nodeoptions: {
    assignments: ['NODE_OPTIONS=--require /home/nodeoptions/w/witness.cjs'],
    command: '/usr/local/bin/node -e 0',
    weapon: 'witness.cjs',
  },
  bashenv: {
    assignments: ['SHELL=/bin/bash', 'BASH_ENV=/home/bashenv/w/script'],
    weapon: 'script',
  },
  posixenv: { assignments: ['ENV=/home/posixenv/w/script'] },
  xtrace: {
    assignments: [
      'SHELL=/bin/bash',
      'SHELLOPTS=xtrace',
      "PS4='$(/home/xtrace/w/script > /dev/null)'",
    ],
    weapon: 'script',
  },
  functions: {
    assignments: [
      'SHELL=/bin/bash',
      '"BASH_FUNC_setpriv%%"="() { /home/functions/w/script; }"',
      '"BASH_FUNC_exec%%"="() { /home/functions/w/script; }"',
      '"BASH_FUNC_export%%"="() { /home/functions/w/script; }"',
      '"BASH_FUNC_test%%"="() { /home/functions/w/script; }"',
    ],
    command: 'setpriv',
    weapon: 'script',
  },
  separators: {
    assignments: ['IFS=/u', 'LC_ALL=xx_XX', 'CDPATH=/etc', 'POSIXLY_CORRECT=1'],
  },
  otherhome: {
    assignments: ['HOME=/home/bob/private'],
    command: 'pwd; ls; cat secret',
    check: (output) => {
      assert.match(output, /^\/\n/);
      assert.doesNotMatch(output, /what only bob may read/);
    },
  },
  strangehome: {
    assignments: [`HOME=${STRANGE_HOME}`],
    command: 'pwd',
    check: (output) => assert.equal(output, `${STRANGE_HOME}\n`),
  },
  dashhome: {
    assignments: ['HOME=-P'],
    command: 'pwd',
    check: (output) => assert.equal(output, '/\n'),
  },
  ownshell: { assignments: ['SHELL=/home/ownshell/w/script'], weapon: 'script' },
  names: {
    assignments: ['SHELL=/opt/dump', ...NAMES.map((name) => `"${name}"=/home/names/w/script`)],
    check: (output) => {
      const found = output.split('\0');
      for (const name of NAMES) assert.ok(found.includes(`${name}=/home/names/w/script`), name);
    },
  },
  values: {
    assignments: ['SHELL=/opt/dump', `SINGLE='${bytes("'")}'`, `DOUBLE="${bytes('"')}"`],
    check: (output) => {
      const found = output.split('\0');
      assert.ok(found.includes(`SINGLE=${bytes("'")}`));
      assert.ok(found.includes(`DOUBLE=${bytes('"')}`));
    },
  },
  longcommand: { command: `: ${'x'.repeat(100_000)}` },
  logname: {
    assignments: ['LOGNAME=root', 'USER=root'],
    command: 'echo $LOGNAME',
    check: (output) => assert.equal(output, 'logname\n'),
  },
  mailoption: { assignments: ['MAILTO=-oQ/tmp'], check: toOwner },
  mailoptions: { assignments: ['MAILTO=bob -oQ/tmp'], check: toOwner },
  mailpipe: { assignments: ['MAILTO="|/home/mailpipe/w/script"'], check: toOwner },
  mailfile: { assignments: ['MAILTO=/etc/cron.d/mailfile'], check: toOwner },
  mailfrom: {
    assignments: ['MAILFROM="root\r\rBcc: bob"', 'CONTENT_TYPE="text/plain\rBcc: bob"'],
    check: (_, { stdin }) => assert.doesNotMatch(stdin, /\r|^Bcc/m),
  },
  descriptors: {
    command: 'ls /proc/self/fd',
    check: (output) => assert.equal(output, '0\n1\n2\n3\n'), // 3 is ls’s own
  },
  service: {
    command: 'env',
    check: (output) => {
      for (const name of Object.keys(SERVICE))
        assert.doesNotMatch(output, RegExp(`^${name}=`, 'm'));
    },
  },
  openfiles: { command: 'ulimit -Sn', check: (output) => assert.equal(output, '1024\n') },
  reopened: {
    command: 'echo reopened > /dev/stderr; cat /dev/stdin; echo; cat > /dev/null',
    check: (output) => assert.equal(output, 'reopened\n\n'),
  },
  session: {
    command: 'ps -o pid=,pgid=,sid= -p $$',
    check: (output) => assert.match(output, /^ *(\d+) +\1 +\1\n$/),
  },
};

test('nothing that a crontab says is done as root', boxed, async (t) => {
  const box = await openBox(t);
  await installRecorder(box, '/usr/sbin/sendmail');
  await arm(box, Object.keys(ATTACKS));
  for (const [user, { assignments = [], command = ':' }] of Object.entries(ATTACKS)) {
    const tab = [...assignments, `@reboot ${command}; /usr/bin/id`, ''].join('\n');
    await installTab(box, debian, user, Buffer.from(tab, 'latin1'));
  }
  // A tab in a stranger's name: cron must not take its owner for that stranger.
  await box.write(`${debian.spool}/daemon`, '@reboot id\n', 'path', 0o600);
  await startMailcron(box, { env: SERVICE, descriptor: 40 });

  const log = (): Promise<string> => box.read('/var/log/mailcron');
  const sent = await until(
    'every job has sent mail',
    async () => {
      const found = new Map(
        (await calls(box, '/usr/sbin/sendmail')).map((call) => [ownerOf(call), call]),
      );
      return Object.keys(ATTACKS).every((user) => found.has(user)) ? found : undefined;
    },
    async () =>
      `mails of: ${(await calls(box, '/usr/sbin/sendmail')).map(ownerOf).join(' ')}\n${await log()}`,
  );
  const witnesses = await box.read('/var/recorder/witness');

  for (const [user, { weapon, check }] of Object.entries(ATTACKS))
    await t.test(user, async () => {
      const call = sent.get(user);
      assert.ok(call);
      const ids = await box.run(`id ${user}`);
      const [uid = -1, gid = -1] = [...ids.matchAll(/[ug]id=(\d+)/g)].map(([, id]) => Number(id));
      const { header, body } = parseMail(call.stdin);
      const printed = decodedBody(`${header.join('\n')}\n\n`, body);
      const [, output = '', said] = /^([^]*?)(uid=\d+\(.*\n)[^]*$/.exec(printed) ?? [];
      assert.equal(said, ids, 'the job has its user’s ids and groups');
      assert.deepEqual([call.uid, call.gid], [uid, gid], 'and its mailer');
      assert.deepEqual(call.environment.map((variable) => variable.replace(/=.*/, '')).toSorted(), [
        'HOME',
        'LOGNAME',
        'PATH',
        'SHELL',
        'USER',
      ]);
      if (weapon !== undefined)
        assert.ok(
          witnesses.includes(`/home/${user}/w/${weapon} ${uid} ${uid}\n`),
          'the weapon works',
        );
      check?.(output, call);
    });

  await t.test('no weapon was ever run as root', () =>
    assert.doesNotMatch(witnesses, /^.*( 0 \d+| \d+ 0)$/m),
  );

  await t.test('a tab in a stranger’s name is refused', async () =>
    assert.match(await log(), /\(daemon\) WRONG FILE OWNER /),
  );

  await t.test('what the daemon keeps is closed to users, but for the control socket', async () => {
    const open = await box.run(`
      test -d /run/mailcron -a -d /var/lib/mailcron
      setpriv --reuid=path --regid=path --init-groups -- find /run/mailcron /var/lib/mailcron \
        \\( -type f -readable -o -type s -writable -o -type d -writable \\) 2> /dev/null || :`);
    assert.equal(open, '/run/mailcron/cron.sock\n');
  });
});

/** Make the users, each with weapons of every kind. */
async function arm(box: Box, users: readonly string[]): Promise<void> {
  await box.write('/opt/witness.c', WITNESS);
  await box.write('/opt/dump.c', DUMP);
  await box.write('/opt/script', SCRIPT, 'root', 0o755);
  await box.write('/opt/witness.cjs', NODE_WITNESS);
  await box.write('/home/bob/private/secret', 'what only bob may read\n', 'bob', 0o600);
  await box.write(`${STRANGE_HOME}/here`, '');
  await box.run(`
    install -m 666 /dev/null /var/recorder/witness
    # What setpriv takes from libcap-ng, so that it gets as far as to load ours.
    nm -D /usr/bin/setpriv | sed -n 's/.* U \\(capng_[a-z_]*\\).*/int \\1(void) { return 0; }/p' >> /opt/witness.c
    gcc -shared -fPIC -o /opt/witness.so /opt/witness.c
    gcc -o /opt/dump /opt/dump.c
    chown bob /home/bob/private
    chmod 700 /home/bob/private
    for user in ${users.join(' ')}; do
      useradd -m -s /bin/sh -G adm,users $user
      install -d /home/$user/w
      cp /opt/witness.so /opt/witness.cjs /opt/script /home/$user/w
      cp /opt/witness.so /home/$user/w/libcap-ng.so.0
      cp /opt/witness.so /home/$user/w/EVIL.so
      echo 'module EVIL// INTERNAL EVIL 1' > /home/$user/w/gconv-modules
      for name in sh env setpriv chroot test node id sendmail; do cp /opt/script /home/$user/w/$name; done
    done`);
}

function ownerOf({ stdin }: Call): string {
  return /^Subject: Cron <(\w+)@/m.exec(stdin)?.[1] ?? '';
}

/** As a library: says, when it is loaded, from where and as whom. */
const WITNESS = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void witness(void) {
  Dl_info self;
  FILE *file = fopen("/var/recorder/witness", "a");
  if (file == NULL || dladdr((void *) witness, &self) == 0) return;
  fprintf(file, "%s %d %d\\n", self.dli_fname, getuid(), geteuid());
  fclose(file);
}
`;

/** As a shell: prints the environment as the kernel gave it, then what every job here prints. */
const DUMP = `
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void) {
  char c;
  FILE *file = fopen("/proc/self/environ", "r");
  while (fread(&c, 1, 1, file) == 1) putchar(c);
  fflush(stdout);
  return execl("/usr/bin/id", "id", (char *) NULL);
}
`;

/** As a program or a sourced file; $0 does not tell which, but every weapon has its place. */
const SCRIPT = `#!/bin/sh
echo "\${BASH_SOURCE:-$0} $(/usr/bin/id -ru) $(/usr/bin/id -u)" >> /var/recorder/witness
/usr/bin/id
`;

const NODE_WITNESS = `
require('node:fs').appendFileSync(
  '/var/recorder/witness',
  __filename + ' ' + process.getuid() + ' ' + process.geteuid() + '\\n',
);
`;
