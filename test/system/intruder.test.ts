/** Users who want more over the control socket, and in the spool, than is theirs; docs/security.md tells of all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Box, boxed, until } from '../support/system.ts';
import { debian } from './crons.ts';
import { as, openHouse } from './house.ts';

const BOBS = '@yearly echo what only bob may read\n';
const HERS = '@yearly echo hers\n';

const request = (head: object): string => JSON.stringify({ version: 1, ...head });

/** Send bytes to cron as a user; its answers, line by line. */
async function ask(box: Box, user: string, bytes: string): Promise<string[]> {
  await box.write('/opt/request', bytes);
  return (await as(box, user, 'perl /opt/ask.pl /opt/request')).split('\n').slice(0, -1);
}

/** Connects, and writes with the program that follows: PROGRAM FILE; then prints what comes back. */
const ASK = `
use Socket;
socket S, AF_UNIX, SOCK_STREAM, 0;
connect S, sockaddr_un('/run/mailcron/cron.sock') or die "connect: $!";
unshift @ARGV, '/bin/cat' if @ARGV == 1;
if (fork == 0) { open STDOUT, '>&S'; open STDERR, '>&S'; exec @ARGV; }
wait; shutdown S, 1; print while <S>;`;

/** Connects, leaves the connection to a child, ends; the child asks when it is told to. */
const HEIR = `
use Socket;
socket S, AF_UNIX, SOCK_STREAM, 0;
connect S, sockaddr_un('/run/mailcron/cron.sock') or die "connect: $!";
if (fork) { open P, '>', '/tmp/heir.pid'; print P "$$\\n"; exit; }
for (1 .. 1200) { last if -e '/tmp/heir.go'; select undef, undef, undef, 0.05; }
syswrite S, '${request({ request: 'list', user: 'root' })}' . "\\n";
shutdown S, 1; open O, '>', '/tmp/heir.said'; print O $_ while <S>; close O;`;

/** Hands descriptors to cron, 250 a time, with the bytes of its requests. */
const RIGHTS = `
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(void) {
  struct sockaddr_un at = { AF_UNIX, "/run/mailcron/cron.sock" };
  char line[] = "{\\"version\\":1,\\"request\\":\\"status\\"}\\n", answer[4096], room[CMSG_SPACE(250 * sizeof(int))];
  int s = socket(AF_UNIX, SOCK_STREAM, 0), fds[250];
  if (connect(s, (struct sockaddr *) &at, sizeof at) != 0) return 1;
  for (int i = 0; i < 250; i++) fds[i] = 0;
  for (int turn = 0; turn < 40; turn++) {
    struct iovec piece = { line, strlen(line) };
    struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room };
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(head), fds, sizeof fds);
    if (sendmsg(s, &message, 0) < 0) return 2;
    if (read(s, answer, sizeof answer) <= 0) return 3;
  }
  printf("forty answers\\n");
  return 0;
}`;

test('who connected counts, whoever has the connection later', boxed, async (t) => {
  const box = await openHouse(t);
  await box.write('/opt/ask.pl', ASK);
  await box.write('/opt/bobs', BOBS);
  await box.run('crontab -u bob /opt/bobs; crontab -u root /opt/bobs');
  const denied = /^\{"version":1,"ok":false,"error":"denied",/;

  await t.test(
    'a setuid program that is given it for its output speaks for who connected',
    async () => {
      await box.run('install -m 4755 /bin/cat /opt/setuid');
      await box.write(
        '/opt/request',
        `${request({ request: 'list', user: 'root' })}\n`,
        'root',
        0o600,
      );
      const [answer = '', ...more] = (
        await as(box, 'alice', 'perl /opt/ask.pl /opt/setuid /opt/request')
      ).split('\n');
      assert.match(answer, denied);
      assert.deepEqual(more, ['']);
    },
  );

  await t.test(
    'a program of root’s that can be made to connect says something else first',
    async () => {
      const head = request({ request: 'remove', user: 'bob' });
      for (const first of [
        'GET / HTTP/1.1\r\n',
        'EHLO x\r\n',
        '<13>Nov 22 x: ',
        '\0',
        '\n',
        '[]\n',
      ])
        assert.match(
          (await ask(box, 'root', `${first}${head}\n`)).join('\n'),
          /^\{[^\n]*"garbled"[^\n]*\}$/,
        );
      assert.equal(await box.run('crontab -u bob -l'), BOBS);
    },
  );

  await t.test(
    'a process of root’s with the pid of who connected lends nobody its rights',
    async () => {
      await box.write('/opt/heir.pl', HEIR);
      await as(box, 'alice', 'rm -f /tmp/heir.*; perl /opt/heir.pl > /dev/null 2>&1; :');
      const pid = Number(
        await until('the heir has it', async () => (await box.read('/tmp/heir.pid')) || undefined),
      );
      const reused = await box.run(
        `for try in 1 2 3 4 5 6 7 8 9; do echo ${pid - 1} > /proc/sys/kernel/ns_last_pid; sleep 100 > /dev/null 2>&1 & [ $! = ${pid} ] && break; done; stat -c %U /proc/${pid}; touch /tmp/heir.go`,
      );
      assert.equal(reused, 'root\n');
      assert.match(
        await until('cron answers', async () => (await box.read('/tmp/heir.said')) || undefined),
        denied,
      );
    },
  );

  await t.test('descriptors that come along are closed', async () => {
    await box.write('/opt/rights.c', RIGHTS);
    await box.run('gcc -o /opt/rights /opt/rights.c');
    const open = (): Promise<string> => box.run('ls /proc/$(cat /run/crond.pid)/fd | wc -l');
    const before = await open();
    assert.equal(await as(box, 'alice', '/opt/rights < /etc/hostname'), 'forty answers\n');
    await until('the connection is gone', async () => (await open()) === before || undefined, open);
  });

  await t.test('no name is another’s', async () => {
    const names = [
      '../bob',
      '/etc/shadow',
      './bob',
      'bob ',
      'BOB',
      'bob\0',
      'bob\n',
      '0',
      '1001',
      '',
      '.',
      '..',
      'tmp.x',
      '*',
      'x'.repeat(5000),
      '__proto__',
      'constructor',
    ];
    for (const user of names) {
      const said = await ask(box, 'alice', `${request({ request: 'list', user })}\n`);
      assert.match(
        said.join('\n'),
        /^\{"version":1,"ok":false,"error":"(denied|garbled)",[^\n]*$/,
        user,
      );
      const roots = await ask(box, 'root', `${request({ request: 'list', user })}\n`);
      assert.match(
        roots.join('\n'),
        /^\{"version":1,"ok":false,"error":"(unknown-user|garbled)",[^\n]*$/,
        user,
      );
    }
  });

  await t.test(
    'an account that is gone, and one that brings a name along, have no crontab',
    async () => {
      await box.run(`
      useradd -m -u 4711 gone; echo '${HERS.trim()}' > /tmp/hers; crontab -u gone /tmp/hers
      runuser -u gone -- crontab -l > /dev/null; userdel gone`);
      const me = 'setpriv --reuid=4711 --regid=4711 --clear-groups perl /opt/ask.pl /opt/request';
      await box.write('/opt/request', `${request({ request: 'list' })}\n`);
      assert.match(await box.run(me), /"error":"unknown-user"/);
      await box.run('useradd -m -u 4711 heiress');
      assert.match(await box.run(me), /no crontab for heiress/);
      await box.run('userdel heiress; echo root:x:4711:4711::/:/bin/sh >> /etc/passwd');
      assert.match(await box.run(me), /"error":"unknown-user"/);
    },
  );
});

test('what is planted in the spool gives nobody more than is theirs', boxed, async (t) => {
  const box = await openHouse(t);
  await box.write('/opt/bobs', BOBS);
  await box.run(`
    crontab -u bob /opt/bobs
    cp /etc/shadow /opt/shadow
    usermod -a -G crontab carol # as a hole in a program that is setgid crontab would have it
    crontab -u root /opt/bobs`);
  const spool = debian.spool;
  const precious = (): Promise<string> =>
    box.run(
      `stat -c '%n %U %G %a %s' /etc/shadow ${spool} ${spool}/bob; cmp /etc/shadow /opt/shadow`,
    );
  const before = await precious();

  await t.test('CVE-2007-1856: a user reaches no tab, neither to link it nor to look', async () => {
    const said = await as(
      box,
      'alice',
      `for way in "ln ${spool}/bob /tmp/link" "ls ${spool}" "cat ${spool}/bob" "stat ${spool}/bob" "stat ${spool}/nobody" "touch ${spool}/alice"; do $way; echo $?; done`,
    );
    assert.equal(said.match(/ermission denied\n[12]\n/g)?.length, 6, said);
  });

  const plants = {
    'a hard link to root’s file': 'ln /etc/shadow',
    'a symbolic link to root’s file': 'ln -s /etc/shadow',
    'a hard link to bob’s tab': `ln ${spool}/bob`,
    'a FIFO': 'mkfifo',
    'a file of her own': 'cp /opt/bobs',
  };
  for (const [name, plant] of Object.entries(plants))
    await t.test(`CVE-2017-9525: ${name}, planted by the group crontab`, async () => {
      for (const user of ['alice', 'carol']) {
        // The hard links by root's hand: fs.protected_hardlinks forbids them to others, where it is set.
        if (plant.startsWith('ln /')) await box.run(`${plant} ${spool}/${user}`);
        else await as(box, 'carol', `cd ${spool}; ${plant} ./${user}`);
        const own = user === 'carol' && name === 'a file of her own';
        const said = await as(box, user, `timeout 20 crontab -l; echo $?`);
        assert.match(
          said,
          own ? /only bob/ : /^crontab: cron refuses: Cannot read the crontab .*\n1\n$/,
        );
        await box.run(`crontab -u ${user} -l > /dev/null 2>&1 || :`);
        // Cron neither waits for it nor runs it, and the user has a table again.
        await as(box, user, `echo '${HERS.trim()}' | crontab -`);
        assert.equal(
          await box.run(`stat -c '%U %a %h %F' ${spool}/${user}`),
          `${user} 600 1 regular file\n`,
        );
        assert.equal(await as(box, user, 'crontab -l; crontab -r'), HERS);
        assert.equal(await precious(), before);
      }
      assert.match(await box.run('cronctl status'), /\n2 crontabs, 2 entries, /);
    });
});

/** What surrounds a call of crontab(1); `$0` is the table to install. */
const SURROUNDINGS: Readonly<Record<string, string>> = {
  'no standard streams': 'crontab "$0" <&- >&- 2>&-',
  'no descriptors': 'ulimit -n 3; crontab "$0"',
  'a few descriptors': 'ulimit -n 12; crontab "$0"',
  'no room in files': 'ulimit -f 0; crontab "$0"',
  'no processes': 'ulimit -u 1; crontab "$0"',
  'no stack': 'ulimit -s 64; crontab "$0"',
  'a full disk for its words': 'crontab "$0" > /dev/full 2>&1',
  'an umask': 'umask 777; crontab "$0"',
  'a strange locale': 'LC_ALL=xx_XX.KOI8 LANGUAGE=% crontab "$0"',
  NODE_OPTIONS: 'NODE_OPTIONS="--require /opt/witness.cjs" crontab "$0"',
  'NODE_PATH, HOME and TMPDIR': 'NODE_PATH=/tmp HOME=/home/bob TMPDIR=/nowhere crontab "$0"',
  LD_PRELOAD: 'LD_PRELOAD=/opt/witness.so crontab "$0"',
  'a signal at some time':
    'for n in 1 2 3 4 5 6; do for s in HUP INT TERM STOP KILL; do timeout -k 1 -s $s 0.$((n * 7)) crontab "$0"; done; done',
};

test('nothing around crontab makes it harm anybody', boxed, async (t) => {
  const box = await openHouse(t);
  await box.write('/opt/bobs', BOBS);
  await box.write(
    '/opt/witness.cjs',
    'require("node:fs").appendFileSync("/tmp/witness", process.getuid() + "\\n");',
  );
  await box.write(
    '/opt/witness.c',
    '#include <stdio.h>\n#include <unistd.h>\n__attribute__((constructor)) static void w(void) { FILE *f = fopen("/tmp/witness", "a"); if (f) { fprintf(f, "%d\\n", geteuid()); fclose(f); } }',
  );
  await box.run(
    'gcc -shared -fPIC -o /opt/witness.so /opt/witness.c; install -m 666 /dev/null /tmp/witness; crontab -u bob /opt/bobs',
  );
  const tables = ['one', 'two'].map((word) => `${`# ${word}\n`.repeat(20_000)}@yearly ${word}\n`);
  await box.write('/tmp/table0', tables[0] ?? '');
  await box.write('/tmp/table1', tables[1] ?? '');
  for (const [name, script] of Object.entries(SURROUNDINGS))
    await t.test(name, async () => {
      await as(box, 'alice', 'crontab /tmp/table0');
      await as(box, 'alice', `timeout -k 1 60 sh -c '${script}' /tmp/table1 > /dev/null 2>&1; :`);
      assert.ok(tables.includes(await as(box, 'alice', 'crontab -l')), 'a table is whole');
      assert.deepEqual((await box.list(debian.spool)).toSorted(), ['alice', 'bob']);
    });
  assert.equal(await box.run('crontab -u bob -l'), BOBS);
  const [alice, ...others] = new Set((await box.read('/tmp/witness')).trim().split('\n'));
  assert.deepEqual([`${alice}\n`, others], [await box.run('id -u alice'), []]);
});
