/** Bad input: one clear line, the exit status that fits, and nothing left behind. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  me,
  needsRoot,
  userTest,
  openSandbox,
  type Sandbox,
  type StartOptions,
} from '../support/sandbox.ts';

const project = new URL('../../../', import.meta.url).pathname;

interface Case {
  /** Spoil the sandbox. */
  readonly spoil?: (sandbox: Sandbox) => void;
  /** Settings, with ROOT for the sandbox's. */
  readonly settings?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly args?: readonly string[];
  readonly options?: StartOptions;
  readonly status: number;
  /** What stderr says, with ROOT for the sandbox's. */
  readonly says: string;
  /** Root would be let through. */
  readonly userOnly?: boolean;
}

const ADVICE =
  process.getuid?.() === 0
    ? ''
    : '; as an ordinary user, give cron a configuration with [paths] of your own (--config FILE)';
const inTheWay = (name: string) => (sandbox: Sandbox) => writeFileSync(sandbox.path(name), '');
const closed = (name: string) => (sandbox: Sandbox) => {
  mkdirSync(sandbox.path(name), { recursive: true });
  chmodSync(sandbox.path(name), 0o555);
};

const cases: Record<string, Case> = {
  'a configuration that is no TOML': {
    spoil: (sandbox) => writeFileSync(sandbox.config, '[paths\nspool = "/x"\n'),
    status: 78,
    says: 'ROOT/mailcron.toml:1:7: Invalid TOML document: illegal character in key',
  },
  'a setting that there is not': {
    settings: { paths: { spol: '/x' } },
    status: 78,
    says: 'ROOT/mailcron.toml: "paths.spol" is no setting of mailcron',
  },
  'a setting of the wrong type': {
    settings: { mail: { timeout: 'long' } },
    status: 78,
    says: 'ROOT/mailcron.toml: "mail.timeout" is wrong: Invalid type: Expected number but received "long"',
  },
  'a relative path': {
    settings: { paths: { state: 'state' } },
    status: 78,
    says: 'ROOT/mailcron.toml: "paths.state" must be an absolute path',
  },
  'a configuration that is not there': {
    args: ['--config', '/nowhere/mailcron.toml'],
    status: 78,
    says: 'Cannot read the configuration "/nowhere/mailcron.toml": no such file or directory',
  },
  'a CRON_CONFIG that is not there': {
    args: [],
    options: { environment: { CRON_CONFIG: '/nowhere/mailcron.toml' } },
    status: 78,
    says: 'Cannot read the configuration "/nowhere/mailcron.toml": no such file or directory',
  },
  'a configuration that may not be read': {
    spoil: (sandbox) => chmodSync(sandbox.config, 0),
    status: 78,
    says: 'Cannot read the configuration "ROOT/mailcron.toml": permission denied',
    userOnly: true,
  },
  'a relative MAILCMD in the file': {
    settings: { mail: { mailcmd: 'sendmail' } },
    status: 78,
    says: 'MAILCMD must be the absolute path of a program: sendmail',
  },
  'a relative MAILCMD in the environment': {
    options: { environment: { MAILCMD: 'bin/sendmail' } },
    status: 78,
    says: 'MAILCMD must be the absolute path of a program: bin/sendmail',
  },
  'a MAILCMD that is no way': {
    args: ['--mailcmd', 'http://relay.example.org'],
    status: 78,
    says: 'MAILCMD "http://relay.example.org" is neither the path of a program nor "mailbox:" nor a relay such as "smtp://HOST"',
  },
  'a MAILCMD with a password': {
    args: ['--mailcmd', 'smtp://cron:secret@relay.example.org'],
    status: 78,
    says: 'MAILCMD has a user or a password in its URL, where everybody can read it: put both into a file of mode 0600 (lines "user = NAME" and "password = SECRET"), and name it by [mail.smtp] credentials',
  },
  'a relay without a host': {
    settings: { mail: { mailcmd: 'smtp:' } },
    status: 78,
    says: 'MAILCMD "smtp:" names no host, and [mail.smtp] host does not either',
  },
  'MAILARGS without a program': {
    args: ['--mailargs', '-i %s'],
    status: 78,
    says: 'MAILARGS must begin with "%s", which stands for MAILCMD: -i %s',
  },
  'MAILARGS with an open quote': {
    options: { environment: { MAILARGS: "%s -F'Cron %s" } },
    status: 78,
    says: "MAILARGS has a quote that is never closed: %s -F'Cron %s",
  },
  'a log that is no way of logging': {
    settings: { log: { to: 'nowhere' } },
    status: 78,
    says: '[log] to = "nowhere" is none of auto, syslog, journal, stderr, stdout and no absolute path',
  },
  'a log file in a folder that is not there': {
    settings: { log: { to: '/nowhere/cron.log' } },
    status: 73,
    says: 'Cannot open the log "/nowhere/cron.log": no such file or directory',
  },
  'a log file that is a folder': {
    settings: { log: { to: '/tmp' } },
    status: 73,
    says: 'Cannot open the log "/tmp": is a directory',
  },
  'a log file that may not be written': {
    settings: { log: { to: '/proc/version' } },
    status: 73,
    says: 'Cannot open the log "/proc/version": permission denied',
    userOnly: true,
  },
  'a state directory that is a file': {
    spoil: inTheWay('state'),
    status: 73,
    says: `Cannot create or write "ROOT/state": file exists${ADVICE}`,
  },
  'a state directory below a file': {
    settings: { paths: { state: '/dev/null/state' } },
    status: 73,
    says: `Cannot create or write "/dev/null/state": not a directory${ADVICE}`,
  },
  'a state directory that may not be written': {
    spoil: closed('state'),
    status: 73,
    says: `Cannot create or write "ROOT/state": permission denied${ADVICE}`,
    userOnly: true,
  },
  'a directory of journals that may not be written': {
    spoil: closed('state/journal'),
    status: 73,
    says: `Cannot create or write "ROOT/state/journal": permission denied${ADVICE}`,
    userOnly: true,
  },
  'a state directory in a closed one': {
    settings: { paths: { state: '/root/state' } },
    status: 73,
    says: `Cannot create or write "/root/state": permission denied${ADVICE}`,
    userOnly: true,
  },
  'a state directory in a file system that takes no writing': {
    settings: { paths: { state: '/proc/mailcron' } },
    status: 73,
    says: `Cannot create or write "/proc/mailcron": no such file or directory${ADVICE}`,
  },
  'a run directory that is a file': {
    spoil(sandbox) {
      rmSync(sandbox.path('run'), { recursive: true });
      writeFileSync(sandbox.path('run'), '');
    },
    status: 73,
    says: `Cannot create or write "ROOT/run": file exists${ADVICE}`,
  },
  'a run directory that may not be written': {
    spoil: (sandbox) => chmodSync(sandbox.path('run'), 0o555),
    status: 73,
    says: `Cannot create or write "ROOT/run": permission denied${ADVICE}`,
    userOnly: true,
  },
  'a run directory that is too long for sockets': {
    settings: { paths: { run: `/tmp/${'x'.repeat(80)}` } },
    status: 78,
    says: 'ROOT/mailcron.toml: "paths.run" must not be longer than 75 bytes: sockets lie there',
  },
  'a pid file in a folder that is not there': {
    settings: { paths: { pidfile: '/nowhere/crond.pid' } },
    status: 73,
    says: "can't open or create /nowhere/crond.pid: no such file or directory",
  },
  'a pid file that is a folder': {
    spoil: (sandbox) => mkdirSync(sandbox.path('crond.pid')),
    status: 73,
    says: "can't open or create ROOT/crond.pid: is a directory",
  },
  'a pid file that is a link': {
    spoil: (sandbox) => symlinkSync(sandbox.path('victim'), sandbox.path('crond.pid')),
    status: 73,
    says: "can't open or create ROOT/crond.pid: is a symbolic link",
  },
  'a flag of the boot that cannot be made': {
    settings: { paths: { reboot: '/nowhere/crond.reboot' } },
    status: 73,
    says: "Can't create reboot check file /nowhere/crond.reboot: no such file or directory",
  },
};

/** What a sandbox has before any cron has run in it, and its own traces of a run. */
const FURNITURE =
  /^(mailcron\.toml|sendmail|behaviour|spool|cron\.d|run|mails|mailbox|std(out|err)\.\d+)$/;

describe('cron', { concurrency: 4 }, () => {
  for (const [
    what,
    { spoil, settings, args, options, status, says, userOnly = false },
  ] of Object.entries(cases))
    (userOnly ? userTest : test)(
      `says what is wrong with ${what}, and fails with status ${status}`,
      async (t) => {
        const sandbox = openSandbox(t, settings);
        spoil?.(sandbox);
        const before = readdirSync(sandbox.root).filter((name) => !FURNITURE.test(name));
        const line = `cron: ${says.replaceAll('ROOT', sandbox.root)}\n`;
        for (const foreground of [['-f'], []]) {
          const config =
            args?.includes('--config') || options?.environment?.['CRON_CONFIG']
              ? []
              : ['--config', sandbox.config];
          const { ended } = sandbox.spawn(
            'cron',
            [...foreground, ...config, ...(args ?? [])],
            options,
          );
          const { status: actual, stdout, stderr } = await ended;
          assert.deepEqual(
            { status: actual, stdout, stderr },
            { status, stdout: '', stderr: line },
          );
        }
        for (const name of readdirSync(sandbox.root).filter(
          (each) => !FURNITURE.test(each) && !before.includes(each),
        )) {
          // Its log, which tells the same, and the directories that it had made before.
          assert.ok(['log', 'state'].includes(name), `${name} was left`);
          if (name === 'log')
            assert.ok(sandbox.log().includes(`(CRON) DEATH (${line.slice(6, -1)})`));
        }
        assert.deepEqual(sandbox.journals(), [], 'no runner was started');
        chmodSync(sandbox.path('run'), 0o755);
        if (before.includes('state')) chmodSync(sandbox.path('state'), 0o755);
      },
    );

  test('says it once where the log is what is read', async (t) => {
    const sandbox = openSandbox(t, { log: { to: 'stderr' }, paths: { pidfile: '/nowhere/pid' } });
    const { stderr } = await sandbox.run(['-f']);
    assert.equal(stderr, "cron: can't open or create /nowhere/pid: no such file or directory\n");
  });

  test('says that its user has no name', needsRoot, async (t) => {
    const sandbox = openSandbox(t);
    chmodSync(sandbox.root, 0o777);
    for (const name of ['run', 'spool']) chmodSync(sandbox.path(name), 0o777);
    const cron = spawn(
      process.execPath,
      [join(project, 'bin/cron'), '-f', '--config', sandbox.config],
      { uid: 54_321, gid: 54_321, cwd: '/', env: {}, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    t.after(() => cron.kill('SIGKILL'));
    let said = '';
    cron.stderr?.on('data', (data: Buffer) => (said += data.toString()));
    await once(cron, 'close');
    assert.equal(cron.exitCode, 67);
    assert.equal(
      said,
      'cron: uid 54321 has no name in the user database: cron cannot tell whose crontabs to run\n',
    );
  });

  test('works without a spool and any crontab, says so, and waits for them', async (t) => {
    const sandbox = openSandbox(t);
    for (const name of ['spool', 'cron.d']) rmSync(sandbox.path(name), { recursive: true });
    const daemon = await sandbox.start();
    const lines = sandbox.logged(/FAILED/);
    assert.deepEqual(
      lines.map((line) => line.replaceAll(sandbox.root, 'ROOT')),
      [
        '(CRON) OPENDIR FAILED (ROOT/cron.d: no such file or directory)',
        '(CRON) OPENDIR FAILED (ROOT/spool: no such file or directory)',
      ],
    );
    mkdirSync(sandbox.path('spool'));
    sandbox.tab('bad line\n');
    daemon.kill('SIGHUP');
    await sandbox.says(
      new RegExp(`\\(${me}\\) ERROR \\(bad minute; while reading spool/${me}:1:1: `),
    );
  });

  userTest('works with a spool that it may not read, says so, and waits for it', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('@daily true\n');
    chmodSync(sandbox.path('spool'), 0);
    const daemon = await sandbox.start();
    await sandbox.says(/\(CRON\) OPENDIR FAILED \(.*\/spool: permission denied\)/);
    chmodSync(sandbox.path('spool'), 0o755);
    sandbox.tab('bad line\n');
    daemon.kill('SIGHUP');
    await sandbox.says(
      new RegExp(`\\(${me}\\) ERROR \\(bad minute; while reading spool/${me}:1:1: `),
    );
  });

  test('does not let a bad line cost the others theirs', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab(
      '@reboot echo one\n61 * * * * echo no\n@fortnightly echo no\n@reboot echo two\n@reboot echo cut',
    );
    const daemon = await sandbox.start();
    const mails = await sandbox.mailed(3);
    const [notice = '', ...bodies] = mails.map(({ body }) => body).toSorted();
    assert.deepEqual(bodies, ['one\n', 'two\n']);
    // The owner is told once: not by the next daemon, but again when other lines are wrong.
    assert.match(
      notice,
      /^These lines of the crontab .* cannot run; all others do:\n\n2:1: bad minute: /,
    );
    assert.equal(notice.split('\n').length, 6);
    daemon.kill('SIGTERM');
    await daemon.ended;
    await sandbox.start();
    sandbox.tab('* * * * *\n');
    const [, , , again] = await sandbox.mailed(4);
    assert.match(again?.body ?? '', /1:10: bad command: /);
    assert.deepEqual(again?.argv.at(-1), me);
    assert.deepEqual(
      sandbox
        .logged(/while reading .*:[235]:/)
        .slice(0, 3)
        .map((line) => line.replace(/(:\d+:\d+): .*/, '$1')),
      [
        `(${me}) ERROR (bad minute; while reading spool/${me}:2:1`,
        `(${me}) ERROR (bad time specifier; while reading spool/${me}:3:1`,
        `(${me}) ERROR (missing newline before EOF; while reading spool/${me}:5:17`,
      ],
    );
  });

  const jobs: Record<string, { tab: string; status: number; says: string }> = {
    'has no SHELL': {
      tab: 'SHELL=/nowhere/sh\n',
      status: 1,
      says: '/nowhere/sh: execle: No such file or directory\n',
    },
    'has a SHELL that is a folder': {
      tab: 'SHELL=/tmp\n',
      status: 126,
      says: 'ermission denied\n',
    },
  };
  for (const [what, { tab, says }] of Object.entries(jobs))
    test(`mails that a job cannot start which ${what}, and the others go on`, async (t) => {
      const sandbox = openSandbox(t);
      sandbox.tab(`@reboot echo fine\n${tab}@reboot echo never\n`);
      await sandbox.start();
      const mails = await sandbox.mailed(2);
      assert.ok(mails.some(({ body }) => body === 'fine\n'));
      assert.ok(
        mails.some(({ body }) => body.endsWith(says)),
        mails.map(({ body }) => body).join(),
      );
    });

  test('goes on when its log cannot be written', async (t) => {
    const sandbox = openSandbox(t, { log: { to: '/dev/full' } });
    sandbox.tab('@reboot echo hello\n');
    const daemon = sandbox.launch();
    await sandbox.mailed();
    daemon.kill('SIGTERM');
    assert.equal((await daemon.ended).status, 0);
  });

  test('goes on with its standard streams closed', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('@reboot echo hello; ls /proc/self/fd\n');
    const cron = spawn(
      '/bin/sh',
      [
        '-c',
        'exec "$@" <&- >&- 2>&-',
        'sh',
        process.execPath,
        join(project, 'bin/cron'),
        '-f',
        '--config',
        sandbox.config,
      ],
      { stdio: 'ignore' },
    );
    t.after(() => cron.kill('SIGKILL'));
    const [mail] = await sandbox.mailed();
    assert.equal(mail?.body, 'hello\n0\n1\n2\n3\n');
    const ended = once(cron, 'exit');
    cron.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  });

  test('keeps what a full disk has room for, and says what it has not', needsRoot, async (t) => {
    const sandbox = openSandbox(t);
    mkdirSync(sandbox.path('state', 'output'), { recursive: true });
    const size = 3_000_000;
    sandbox.tab(`@reboot yes | head -c ${size}\n@reboot sleep 0.5; echo small\n`);
    // A mount of its own, which goes with the process.
    const small = `mount -t tmpfs -o size=1m none ${sandbox.path('state', 'output')} && exec "$@"`;
    const cron = spawn(
      'unshare',
      [
        '-m',
        '/bin/sh',
        '-c',
        small,
        'sh',
        process.execPath,
        join(project, 'bin/cron'),
        '-f',
        '--config',
        sandbox.config,
      ],
      { stdio: 'ignore' },
    );
    t.after(() => cron.kill('SIGKILL'));
    const mails = await sandbox.mailed(2);
    assert.ok(mails.some(({ body }) => body === 'small\n'));
    const body = mails.find((mail) => mail.body !== 'small\n')?.body ?? '';
    const [, lost, rest = ''] =
      /^cron: (\d+) bytes of this output could not be kept: no space left on device\n((?:y\n)*y?)$/.exec(
        body,
      ) ?? [];
    assert.equal(Number(lost) + rest.length, size);
    assert.ok(rest.length > 900_000);
    const line = sandbox.logged(/cannot keep output/);
    assert.match(
      line.join('\n'),
      /^\(root\) ERROR \(cannot keep output in ".*": no space left on device\)$/,
    );
    assert.ok(readFileSync(sandbox.path('log'), 'utf8').length < 10_000);
  });
});
