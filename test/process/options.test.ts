/** The command line of cron(8): what each option does, and what is said of a wrong one. */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { isRoot, me, openSandbox } from '../support/sandbox.ts';

const { version }: { readonly version: string } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
);

describe('cron', { concurrency: 4 }, () => {
  const wrong: Record<string, readonly [args: readonly string[], says: string]> = {
    'an unknown letter': [['-z'], 'unrecognized option "-z"'],
    'an unknown letter among others': [['-fz'], 'unrecognized option "-z"'],
    'an unknown word': [['--frobnicate'], 'unrecognized option "--frobnicate"'],
    'an unknown word with a value': [['--frobnicate=1'], 'unrecognized option "--frobnicate"'],
    'a word of the language itself': [['--constructor'], 'unrecognized option "--constructor"'],
    'a missing value': [['-L'], 'option "-L" needs a value'],
    'a missing value of a word': [['--config'], 'option "--config" needs a value'],
    'a value that is not wanted': [['--foreground=yes'], 'option "--foreground" takes no value'],
    'a level that is no number': [['-L', 'x'], '-L takes a number from 0 to 15, not "x"'],
    'a level that is too high': [['-L', '16'], '-L takes a number from 0 to 15, not "16"'],
    'a level below zero': [['-L', '-1'], '-L takes a number from 0 to 15, not "-1"'],
    'an unknown flag of -x': [['-x', 'sch'], '-x knows the flag "test", not "sch"'],
    'a time to end that is none': [
      ['--stop-jobs=x'],
      '--stop-jobs takes a number of seconds, not "x"',
    ],
    'a time to end that is an operand': [['-f', '--stop-jobs', '5'], 'unexpected "5"'],
    'an operand': [['-f', 'now'], 'unexpected "now"'],
  };
  for (const [what, [args, says]] of Object.entries(wrong))
    test(`says what is wrong with ${what}, and how it is used`, async (t) => {
      const sandbox = openSandbox(t);
      const { status, stdout, stderr } = await sandbox.run(args);
      assert.deepEqual({ status, stdout }, { status: 1, stdout: '' });
      const [first, second] = stderr.split('\n');
      assert.equal(first, `cron: usage error: ${says}`);
      assert.match(second ?? '', /^usage: cron \[-f\]/);
      assert.equal(sandbox.log(), '');
    });

  for (const option of ['-h', '--help'])
    test(`shows by ${option} how it is used`, async (t) => {
      const { status, stdout, stderr } = await openSandbox(t).run([option]);
      assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
      assert.match(stdout, /^usage: cron \[-f\] \[-l\] \[-L loglevel\] \[-n\] \[-x flags\]\n/);
      for (const name of [
        'config',
        'mailcmd',
        'mailargs',
        'stop-jobs',
        'foreground',
        'log-level',
        'fqdn',
        'version',
      ])
        assert.ok(stdout.includes(`--${name}`), name);
    });

  for (const option of ['-V', '--version'])
    test(`shows by ${option} which version it is`, async (t) => {
      const { status, stdout, stderr } = await openSandbox(t).run([option]);
      assert.deepEqual(
        { status, stdout, stderr },
        { status: 0, stdout: `mailcron ${version}\n`, stderr: '' },
      );
    });

  test('answers -h and -V whatever its configuration', async (t) => {
    const sandbox = openSandbox(t);
    writeFileSync(sandbox.config, 'garbage');
    for (const option of ['-h', '-V']) assert.equal((await sandbox.run([option])).status, 0);
  });

  /** -L, and the lines of a job that fails and of one that does not. */
  const starts = ['CMD (true)', 'CMD (exit 3)', 'CMD (kill -9 $$)'];
  const ends = ['END (true)', 'END (exit 3)', 'END (kill -9 $$)'];
  const failures = [
    'error (grandchild #PID failed with exit status 3)',
    'error (grandchild #PID terminated by signal SIGKILL)',
  ];
  const withPid = (line: string): string => line.replace('(', '([PID] ');
  const levels: Record<string, readonly string[]> = {
    0: [],
    1: starts,
    2: ends,
    4: failures,
    9: starts.map(withPid),
    15: [...starts.map(withPid), ...ends.map(withPid), ...failures],
  };
  for (const [level, lines] of Object.entries(levels))
    test(`logs by -L ${level} ${lines.length} lines of three jobs`, async (t) => {
      const sandbox = openSandbox(t);
      sandbox.tab('@reboot true\n@reboot exit 3\n@reboot kill -9 $$\n');
      const daemon = await sandbox.start(['-L', level]);
      daemon.kill('SIGTERM');
      await daemon.ended;
      await sandbox.isTidy(); // all jobs are over then
      const told = sandbox.logged(/ CRON\[\d+\]: /).map((line) => line.replace(/^\(.*?\) /, ''));
      const shown = told.filter((line) => !line.startsWith('ERROR (chdir'));
      assert.deepEqual(
        shown
          .map((line) => line.replaceAll(/#\d+|\[\d+\]/g, (pid) => pid.replace(/\d+/, 'PID')))
          .toSorted(),
        [...lines].toSorted(),
      );
    });

  test('logs by default as by -L 1, with the pid of the job', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('@reboot echo $$\n');
    await sandbox.start();
    const [mail] = await sandbox.mailed();
    await sandbox.says(
      new RegExp(`CRON\\[${mail?.body.trim()}\\]: \\(${me}\\) CMD \\(echo \\$\\$\\)`),
    );
  });

  test('marks by -L 4 the Subject of a failed job', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('@reboot echo bad; exit 1\n@reboot echo good\n');
    await sandbox.start(['--log-level', '4']);
    const mails = await sandbox.mailed(2);
    const subjects = mails.map(({ head }) => /(?<=^Subject: Cron <.*> ).*$/m.exec(head)?.[0] ?? '');
    assert.deepEqual(subjects.toSorted(), ['echo bad; exit 1 (failed)', 'echo good']);
  });

  test('writes by -n the whole host name into the Subject, and else its first label', async (t) => {
    for (const [args, host] of [
      [[], hostname().replace(/\..*/, '')],
      [['-n'], hostname()],
      [['--fqdn'], hostname()],
    ] as const) {
      const sandbox = openSandbox(t);
      sandbox.tab('@reboot echo hello\n');
      const daemon = await sandbox.start(args);
      const [mail] = await sandbox.mailed();
      assert.ok(mail?.head.includes(`Subject: Cron <${me}@${host}> echo hello\n`));
      daemon.kill('SIGTERM');
      await daemon.ended;
    }
  });

  test('takes by -l the names of the LSB in cron.d', async (t) => {
    const user = isRoot ? 'root' : me;
    for (const [args, expected] of [
      [[], ['Plain_Name']],
      [['-l'], ['lanana-1.2-name', 'plain']],
      [['--lsb-names'], ['lanana-1.2-name', 'plain']],
    ] as const) {
      const sandbox = openSandbox(t);
      for (const name of ['Plain_Name', 'lanana-1.2-name', 'plain'].filter(
        (each) => args.length > 0 || each !== 'plain',
      ))
        writeFileSync(sandbox.path('cron.d', name), `@reboot ${user} echo ${name}\n`);
      const daemon = await sandbox.start(args);
      const mails = await sandbox.mailed(expected.length);
      assert.deepEqual(mails.map(({ body }) => body.trim()).toSorted(), expected);
      daemon.kill('SIGTERM');
      await daemon.ended;
    }
  });

  test('starts nothing by -x test, stays in the foreground, and says what it would do', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab(`@reboot touch ${sandbox.path('evidence')}\n`);
    const daemon = sandbox.spawn('cron', ['-x', 'test', '--config', sandbox.config]);
    await sandbox.says(/\(CRON\) STARTUP \(foreground\)/);
    await sandbox.says(
      new RegExp(`\\(${me}\\) CMD \\(debug DTEST is on, not exec'ing command: touch .*evidence\\)`),
    );
    daemon.kill('SIGTERM');
    assert.equal((await daemon.ended).status, 0);
    await sandbox.isTidy();
    assert.ok(!sandbox.leftovers().includes('evidence'));
    assert.throws(() => readFileSync(sandbox.path('evidence')), { code: 'ENOENT' });
  });

  test('takes MAILCMD and MAILARGS from the file, from the environment and from options, later wins', async (t) => {
    const sandbox = openSandbox(t, { mail: { mailargs: '%s file %s' } });
    const environment = { MAILARGS: '%s environment %s', MAILCMD: sandbox.path('sendmail') };
    const option = ['--mailargs', '%s option %s'];
    const ways = [
      [[], {}, 'file'],
      [[], environment, 'environment'],
      [option, environment, 'option'],
    ] as const;
    for (const [index, [args, variables, way]] of ways.entries()) {
      sandbox.tab(`@reboot echo ${way}\n`);
      if (index > 0) rmSync(sandbox.path('crond.reboot'));
      const daemon = await sandbox.start(args, { environment: variables });
      const mails = await sandbox.mailed(index + 1);
      assert.deepEqual(mails[index]?.argv, [sandbox.path('sendmail'), way, me]);
      daemon.kill('SIGTERM');
      await daemon.ended;
    }
  });

  test('logs JSON when it is told to, one object a line, of the runner too', async (t) => {
    const sandbox = openSandbox(t, { log: { format: 'json' } });
    sandbox.tab('@reboot echo "a\tb"\n');
    const daemon = sandbox.launch();
    await sandbox.says(/"event":"CMD"/);
    daemon.kill('SIGTERM');
    await daemon.ended;
    const lines = sandbox
      .log()
      .trim()
      .split('\n')
      .map((line): Record<string, unknown> => JSON.parse(line));
    assert.ok(
      lines.every((line) => typeof line['who'] === 'string' && typeof line['msg'] === 'string'),
    );
    const cmd = lines.find(({ event }) => event === 'CMD');
    assert.deepEqual([cmd?.['tag'], cmd?.['who'], cmd?.['msg']], ['CRON', me, 'echo "a^Ib"']);
  });

  test('logs to stderr with -f, of the runner too', async (t) => {
    const sandbox = openSandbox(t, { log: { to: 'auto' } });
    sandbox.tab('@reboot echo hello\n');
    const daemon = sandbox.launch();
    await sandbox.mailed();
    daemon.kill('SIGTERM');
    const { stderr } = await daemon.ended;
    assert.match(stderr, / cron\[\d+\]: \(CRON\) STARTUP \(foreground\)\n/);
    assert.match(stderr, new RegExp(` CRON\\[\\d+\\]: \\(${me}\\) CMD \\(echo hello\\)\\n`));
    assert.match(stderr, / cron\[\d+\]: \(CRON\) INFO \(Shutting down\)\n/);
  });

  test('hands those variables on to jobs that are named, and no others', async (t) => {
    const passed = ['GREETING', 'PATH', 'UNSET', 'MAILTO'];
    const sandbox = openSandbox(t, { jobs: { pass_environment: passed } });
    sandbox.tab('GREETING=mine\n@reboot env\nMAILTO=\n@reboot true\n');
    const environment = { GREETING: 'theirs', SECRET: 'x', PATH: '/opt/bin:/usr/bin:/bin' };
    const daemon = sandbox.launch([], { environment });
    const [mail] = await sandbox.mailed();
    const lines = mail?.body.trimEnd().split('\n') ?? [];
    assert.ok(lines.includes('GREETING=mine'), 'the crontab wins');
    assert.ok(lines.includes('PATH=/opt/bin:/usr/bin:/bin'), 'and what is passed over the default');
    const names = lines.map((line) => line.slice(0, line.indexOf('=')));
    for (const name of ['SECRET', 'UNSET', 'CRON_CONFIG', 'UV_THREADPOOL_SIZE'])
      assert.ok(!names.includes(name), name);
    assert.match(mail?.head ?? '', /^X-Cron-Env: <PATH=\/opt\/bin:/m);
    daemon.kill('SIGTERM');
    await daemon.ended;
  });

  test('logs to stdout when it is told to, of the runner too', async (t) => {
    const sandbox = openSandbox(t, { log: { to: 'stdout', format: 'json' } });
    sandbox.tab('@reboot echo hello\n');
    const daemon = sandbox.launch();
    await sandbox.mailed();
    daemon.kill('SIGTERM');
    const { stdout, stderr } = await daemon.ended;
    assert.equal(stderr, '');
    const lines = stdout.trimEnd().split('\n');
    const events = lines.map((line): unknown => JSON.parse(line).event);
    assert.ok(events.includes('STARTUP') && events.includes('CMD'), stdout);
  });
});
