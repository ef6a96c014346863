/** What can be missing when a job is to start: each is taken away on a real system, and given back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Box, boxed, openBox, until } from '../support/system.ts';
import { openHouse, setApart } from './house.ts';
import { type Call, calls, installRecorder, parseMail } from './mails.ts';

const MAILER = '/usr/sbin/sendmail';
const LOG = '/var/log/mailcron';

/** Nothing of a user's starts before somebody has written to the user's gate; the shell's own words need no process. */
const gate = (user: string): string => `@reboot ${user} read word < /tmp/gate-${user}\n`;
const ONE_EACH = '[jobs]\nmax_running_per_user = 1\n';

interface Stage {
  readonly box: Box;
  /** The pid of the runner, in the box. */
  readonly runner: number;
  /** Let the next job of a user start. */
  readonly release: (...users: readonly string[]) => Promise<void>;
  readonly says: (pattern: RegExp) => Promise<void>;
  /** Wait for the mail of a job, by a part of its command; its body. */
  readonly mailed: (
    command: string,
  ) => Promise<{ uid: number; argv: readonly string[]; body: string }>;
}

/** Start cron with these jobs of alice and bob, each held back by a gate. */
async function open(
  t: Parameters<typeof openBox>[0],
  jobs: string,
  { before = '', users = ['alice', 'bob'] }: { before?: string; users?: readonly string[] } = {},
): Promise<Stage> {
  const box = await openHouse(
    t,
    async (inside) => {
      await setApart(inside, 'alice', 'bob');
      await installRecorder(inside, MAILER);
      await inside.run(`${before}
        for user in alice bob; do mkfifo -m 666 /tmp/gate-$user; done`);
      await inside.write('/etc/crontab', `${users.map(gate).join('')}${jobs}`);
    },
    { settings: ONE_EACH },
  );
  const log = (): Promise<string> => box.read(LOG);
  const find = async (command: string): Promise<Call | undefined> =>
    (await calls(box, MAILER)).find(({ stdin }) => stdin.includes(command));
  const [journal = ''] = await box.list('/var/lib/mailcron/journal');
  const [line = ''] = (await box.read(`/var/lib/mailcron/journal/${journal}`)).split('\n');
  const { pid }: { pid: number } = JSON.parse(line);
  await until(
    'the gates are closed',
    async () => {
      const text = await log();
      return users.every((user) => text.includes(`(${user}) CMD (read word`)) || undefined;
    },
    log,
  );
  return {
    box,
    runner: pid,
    release: async (...names) => {
      await box.run(names.map((user) => `echo go > /tmp/gate-${user}`).join('\n'));
    },
    says: async (pattern) => {
      await until(`${pattern}`, async () => pattern.test(await log()) || undefined, log);
    },
    mailed: async (command) => {
      const { uid, argv, stdin } = await until(`a mail of ${command}`, () => find(command), log);
      return { uid, argv, body: parseMail(stdin).body };
    },
  };
}

const JOBS = '@reboot alice echo alice works\n@reboot bob echo bob works\n';

test(
  'a user without processes left has jobs started when there are some, and nobody else waits',
  boxed,
  async (t) => {
    const { box, runner, release, says, mailed } = await open(t, JOBS);
    for (const n of [1, 2, 3, 4, 5, 6])
      box.start(['runuser', '-u', 'alice', '--', 'sleep', `600${n}`]);
    await until(
      'alice has six processes',
      async () => (await box.run('pgrep -cu alice sleep || true')).startsWith('6') || undefined,
    );
    await box.run(`prlimit --pid ${runner} --nproc=5:5`);
    await release('alice', 'bob');
    await says(
      /\(CRON\) error \(can't fork, it is tried again: \/usr\/sbin\/chroot: .*Resource temporarily unavailable: \(alice\) echo alice works\)/,
    );
    assert.equal((await mailed('echo bob works')).body, 'bob works\n');
    await box.run('pkill -u alice sleep');
    assert.equal((await mailed('echo alice works')).body, 'alice works\n');
    assert.equal((await box.read(LOG)).match(/can't fork/g)?.length, 1, 'it is said once');
  },
);

test('a runner without processes left starts its jobs when there are some', boxed, async (t) => {
  const box = await openBox(t);
  await setApart(box, 'alice');
  await installRecorder(box, MAILER);
  const at = '/home/alice/cron';
  const names = ['spool', 'cron.d', 'run', 'state', 'mailbox'].map(
    (name) => `${name.replace('.', '_')} = "${at}/${name}"`,
  );
  await box.write(
    `${at}/toml`,
    `[paths]\n${names.join('\n')}\nsystem_crontab = "${at}/crontab"
allow = "${at}/allow"\ndeny = "${at}/deny"\npidfile = "${at}/pid"\nreboot = "${at}/reboot"
[log]\nto = "${at}/log"\n${ONE_EACH}`,
  );
  await box.run(
    `mkdir -p ${at}/spool ${at}/cron.d; mkfifo ${at}/gate; chown -R alice: /home/alice`,
  );
  await box.write(
    `${at}/spool/alice`,
    `@reboot read word < ${at}/gate\n@reboot echo alice works\n`,
    'alice',
    0o600,
  );
  const cron = box.start([
    'runuser',
    '-u',
    'alice',
    '--',
    'node',
    '/src/bin/cron',
    '-f',
    '--config',
    `${at}/toml`,
  ]);
  const log = async (): Promise<string> => (await box.read(`${at}/log`)) || cron.output();
  const says = (pattern: RegExp): Promise<true> =>
    until(`${pattern}`, async () => pattern.test(await log()) || undefined, log);
  await says(/this one waits/);
  const runner = /"pid":(\d+)/.exec(await box.run(`head -qn 1 ${at}/state/journal/*`))?.[1];
  await box.run(`runuser -u alice -- prlimit --pid ${runner} --nproc=1:; echo go > ${at}/gate`);
  await says(
    /error \(can't fork, it is tried again: \/bin\/sh: resource temporarily unavailable: \(alice\) echo alice works\)/,
  );
  await box.run(`runuser -u alice -- sh -c '
    prlimit --pid ${runner} --nproc=$(prlimit --pid ${runner} --nproc -o HARD --noheadings --raw):'`);
  const mail = await until('the mail', async () => (await calls(box, MAILER))[0], log);
  assert.equal(parseMail(mail.stdin).body, 'alice works\n');
});

test('a runner without descriptors left starts its jobs when there are some', boxed, async (t) => {
  const { box, runner, release, says, mailed } = await open(t, JOBS);
  const { soft } = {
    soft: (await box.run(`prlimit --pid ${runner} --nofile -o SOFT --noheadings`)).trim(),
  };
  await box.run(`prlimit --pid ${runner} --nofile=3:`);
  await release('alice', 'bob');
  for (const user of ['alice', 'bob'])
    await says(
      new RegExp(
        `\\(${user}\\) ERROR \\(job cannot be started, it is tried again: .*: echo ${user} works\\)`,
      ),
    );
  await box.run(`prlimit --pid ${runner} --nofile=${soft}:`);
  for (const user of ['alice', 'bob'])
    assert.equal((await mailed(`echo ${user} works`)).body, `${user} works\n`);
  assert.doesNotMatch(await box.read(LOG), /no such user|internal error/);
});

for (const program of ['/usr/sbin/chroot', '/bin/sh'])
  test(`without ${program} a job is started when it is back`, boxed, async (t) => {
    const { box, mailed } = await open(t, JOBS);
    // In one go: this box's own commands need a shell as well.
    await box.run(`
      mv ${program} ${program}.away
      for user in alice bob; do echo go > /tmp/gate-$user; done
      for n in $(seq 200); do
        grep -q 'tried again: .*: (*alice.*echo alice works' ${LOG} && break
        sleep 0.1
      done
      grep 'tried again' ${LOG}
      mv ${program}.away ${program}`);
    for (const user of ['alice', 'bob'])
      assert.equal((await mailed(`echo ${user} works`)).body, `${user} works\n`);
  });

test(
  'a job that cannot be started for a minute is not tried for ever, and its owner reads why',
  boxed,
  async (t) => {
    const { box, says, release, mailed } = await open(t, JOBS);
    await box.run('mv /usr/sbin/chroot /usr/sbin/chroot.away');
    await release('alice');
    await says(
      /\(alice\) ERROR \(job could not be started: \/usr\/sbin\/chroot: no such file or directory: echo alice works\)/,
    );
    await says(/\(alice\) MAIL \(not delivered .*, kept in/); // its mailer could not be started either
    await box.run('mv /usr/sbin/chroot.away /usr/sbin/chroot');
    await box.run('cronctl flush');
    const { uid, body } = await mailed('echo alice works');
    assert.notEqual(uid, 0);
    assert.equal(
      body,
      'cron: this job could not be started: /usr/sbin/chroot: no such file or directory\n',
    );
    await release('bob');
    assert.equal((await mailed('echo bob works')).body, 'bob works\n');
  },
);

test('a shell that is gone is told of in vixie’s words', boxed, async (t) => {
  const { box, release, says, mailed } = await open(t, `SHELL=/opt/shell\n${JOBS}`, {
    before: 'cp /bin/dash /opt/shell',
  });
  await box.run('rm /opt/shell');
  await release('alice');
  await says(
    /\(alice\) ERROR \(job could not be started: \/opt\/shell: execle: No such file or directory: echo alice works\)/,
  );
  const { body } = await mailed('echo alice works');
  assert.equal(body, '/opt/shell: execle: No such file or directory\n');
});

test('a user who is gone has nothing run, and root is told once', boxed, async (t) => {
  const jobs = '@reboot bob id\n@reboot carol echo others do\n';
  const { box, release, says, mailed } = await open(t, jobs);
  await box.run("sed -i '/^bob:/d' /etc/passwd");
  assert.equal((await mailed('echo others do')).body, 'others do\n');
  await pauseUntilForgotten(box, 'bob');
  await release('bob');
  await says(/\(bob\) ERROR \(no such user, job not started: id\)/);
  const { uid, argv, body } = await mailed('this job of bob');
  assert.deepEqual(
    [uid, argv.at(-1), body],
    [0, 'root', 'cron: this job of bob was not started: no such user\n'],
  );
});

/** Who was found is known for half a minute. */
async function pauseUntilForgotten(box: Box, user: string): Promise<void> {
  await box.run(`sleep 31; ! getent passwd ${user}`);
}

test('a state directory of 1 MB that is full stops no job, and no mail', boxed, async (t) => {
  const loud = 'yes line | head -c 400000; sleep 2; echo end';
  const { box, release, mailed } = await open(
    t,
    `@reboot alice ${loud}\n@reboot bob echo bob works\n`,
    {
      before: 'mkdir -p /var/lib/mailcron; mount -t tmpfs -o size=1M state /var/lib/mailcron',
    },
  );
  await box.run(
    'cat /dev/zero > /var/lib/mailcron/filling 2> /dev/null || true; df -k /var/lib/mailcron',
  );
  await release('alice', 'bob');
  assert.equal((await mailed('echo bob works')).body, 'bob works\n');
  const { body } = await mailed('yes line');
  assert.match(
    body,
    /^cron: \d+ bytes of this output could not be kept: no space left on device\n/,
  );
  await box.write('/etc/cron.d/later', '* * * * * carol echo carol works\n');
  assert.equal((await mailed('echo carol works')).body, 'carol works\n');
  await box.run('rm /var/lib/mailcron/filling; cronctl status');
});
