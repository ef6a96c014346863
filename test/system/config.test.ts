/** The configuration: every path and setting from one place, and a clear line for what is wrong. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Config, readConfig } from '../../src/system/config.ts';
import { configuration, DEFAULT_CONFIG, DEFAULTS, override } from '../../src/system/defaults.ts';
import { Failure } from '../../src/system/failure.ts';
import { logChoice } from '../../src/system/log.ts';
import { userTest } from '../support/sandbox.ts';

const folder = mkdtempSync(join(tmpdir(), 'config-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'mailcron.toml');

function read(text: string, environment: NodeJS.ProcessEnv = {}, options = {}): Config {
  writeFileSync(file, text);
  return readConfig({ config: file, ...options }, environment);
}

/** What it complains of, the file's name as F. */
function complaint(text: string | Buffer): string {
  writeFileSync(file, text);
  try {
    readConfig({ config: file }, {});
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.exit, 78);
    return error.message.replaceAll(file, 'F');
  }
  return 'nothing';
}

test('readConfig() of an empty file is the contract', () => {
  const { paths, mail, jobs, history, hooks, metrics, log } = read('');
  assert.deepEqual(
    { ...paths },
    {
      spool: '/var/spool/cron/crontabs',
      system_crontab: '/etc/crontab',
      cron_d: '/etc/cron.d',
      allow: '/etc/cron.allow',
      deny: '/etc/cron.deny',
      run: '/run/mailcron',
      pidfile: '/run/crond.pid',
      reboot: '/run/crond.reboot',
      state: '/var/lib/mailcron',
      mailbox: '/var/mail',
    },
  );
  const { smtp, ...rest } = mail;
  assert.deepEqual(
    { ...smtp },
    {
      protocol: 'smtp',
      tls_accept_any: false,
      timeout: 300,
      pool: 4,
      dsn: [],
      run_as: 'mailcron',
    },
  );
  assert.deepEqual(
    { ...rest },
    {
      mailcmd: '/usr/sbin/sendmail',
      mailargs: undefined, // as it suits the mailer
      mailer: 'auto',
      timeout: 300,
      max_size: 10_000_000,
      subject_failed: false,
      mask: ['*PASSWORD*', '*SECRET*', '*TOKEN*', '*_KEY'],
      mailbox: { format: 'mbox' },
      outbox: { keep: 5, first_pause: 60, per_user: 1000, per_user_bytes: 200_000_000 },
    },
  );
  assert.deepEqual(
    { ...jobs },
    {
      nofile: 1024,
      max_running: 4000,
      max_running_per_user: 2000,
      arm: true,
      max_output: 100_000_000,
      keep_long: 7,
      max_long: 1_000_000_000,
      linger: 60,
      stop: 'leave',
      stop_grace: 5,
      pass_environment: [],
      pam: 'auto',
      session: 'none',
      scope: false,
    },
  );
  assert.deepEqual({ ...history }, { keep: 90, max_size: 500_000_000, output: 65_536 });
  assert.deepEqual({ ...hooks }, { hook_user: 'mailcron', per_minute: 10 });
  assert.deepEqual({ ...metrics }, { per_entry: false });
  assert.deepEqual({ ...log }, { to: 'auto', format: 'text' });
  assert.equal(DEFAULT_CONFIG, '/etc/mailcron.toml');
});

test('override() of what holds without a file is readConfig() of an empty one', () => {
  assert.deepEqual(override<Config>(DEFAULTS, {}, {}), read(''));
});

test('configuration() reads the file that is named', async () => {
  writeFileSync(file, '[jobs]\nmax_running = 7');
  const named = [configuration({ config: file }, {}), configuration({}, { CRON_CONFIG: file })];
  for (const { jobs } of await Promise.all(named)) assert.equal(jobs.max_running, 7);
});

test('readConfig() reads every setting', () => {
  const config = read(`
    [paths]
    spool = "/s"   # a comment
    state = "/x/../y z/é"
    [mail]
    mailcmd = '/opt/my mail'
    timeout = 1
    [mail.outbox]
    keep = 0.5
    first_pause = 1
    per_user = 2
    per_user_bytes = 3
    [jobs]
    nofile = 16
    max_running = 8
    max_running_per_user = 4
    arm = false
    max_output = 1000000
    keep_long = 0.5
    max_long = 0
    linger = 86400
    stop = "end"
    stop_grace = 0.5
    pass_environment = ["TZ", "http_proxy"]
    pam = "off"
    session = "pam"
    scope = true
    [history]
    keep = 0.5
    max_size = 1_000_000
    output = 0
    [hooks]
    on_failure = "/bin/alert"
    on_missed = ["/bin/alert", "-m"]
    hook_user = "nobody"
    per_minute = 1
    [metrics]
    textfile = "/m/x.prom"
    per_entry = true
    [log]
    to = "/var/log/cron.log"
    format = "json"
  `);
  assert.equal(config.paths.spool, '/s');
  assert.equal(config.paths.state, '/x/../y z/é');
  assert.equal(config.mail.mailcmd, '/opt/my mail');
  assert.equal(config.mail.timeout, 1);
  const outbox = { keep: 0.5, first_pause: 1, per_user: 2, per_user_bytes: 3 };
  assert.deepEqual({ ...config.mail.outbox }, outbox);
  assert.deepEqual(
    { ...config.jobs },
    {
      nofile: 16,
      max_running: 8,
      max_running_per_user: 4,
      arm: false,
      max_output: 1_000_000,
      keep_long: 0.5,
      max_long: 0,
      linger: 86_400,
      stop: 'end',
      stop_grace: 0.5,
      pass_environment: ['TZ', 'http_proxy'],
      pam: 'off',
      session: 'pam',
      scope: true,
    },
  );
  assert.deepEqual({ ...config.history }, { keep: 0.5, max_size: 1_000_000, output: 0 });
  const [on_failure, on_missed] = ['/bin/alert', ['/bin/alert', '-m']];
  assert.deepEqual(
    { ...config.hooks },
    { on_failure, on_missed, hook_user: 'nobody', per_minute: 1 },
  );
  assert.deepEqual({ ...config.metrics }, { textfile: '/m/x.prom', per_entry: true });
  assert.deepEqual({ ...config.log }, { to: '/var/log/cron.log', format: 'json' });
});

test('readConfig() lets the environment win over the file, and options over both', () => {
  const text = '[mail]\nmailcmd = "/file"\nmailargs = "%s file"\n';
  const environment = { MAILCMD: '/environment', MAILARGS: '%s environment' };
  const mailOf = ({ mail }: Config): unknown[] => [mail.mailcmd, mail.mailargs];
  assert.deepEqual(mailOf(read('')), ['/usr/sbin/sendmail', undefined]);
  assert.deepEqual(mailOf(read(text)), ['/file', '%s file']);
  assert.deepEqual(mailOf(read(text, environment)), ['/environment', '%s environment']);
  const options = { mailcmd: '/option', mailargs: '%s option' };
  assert.deepEqual(mailOf(read(text, environment, options)), ['/option', '%s option']);
  assert.deepEqual(mailOf(read(text, environment, { mailcmd: '/option' })), [
    '/option',
    '%s environment',
  ]);
});

test('readConfig() finds its file by the option, else by CRON_CONFIG', () => {
  const other = join(folder, 'other.toml');
  writeFileSync(file, '[paths]\nspool = "/one"\n');
  writeFileSync(other, '[paths]\nspool = "/other"\n');
  const spool = (config: string | undefined): string =>
    readConfig({ config }, { CRON_CONFIG: other }).paths.spool;
  assert.equal(spool(undefined), '/other');
  assert.equal(spool(file), '/one');
});

/** What is in the file, and what is said of it. */
const wrong: Record<string, string> = {
  x: 'F:1:1: Invalid TOML document: incomplete key-value: cannot find end of key',
  '[paths]\nspool = /x\n': 'F:2:9: Invalid TOML document: invalid value',
  '[paths]\nspool = "/x"\nspool = "/y"\n':
    'F:3:1: Invalid TOML document: trying to redefine an already defined table or value',
  '[path]\nspool = "/x"\n': 'F: "path" is no setting of mailcron',
  '[paths]\nspol = "/x"\n': 'F: "paths.spol" is no setting of mailcron',
  'spool = "/x"\n': 'F: "spool" is no setting of mailcron',
  '[paths]\nspool = "x"\n': 'F: "paths.spool" must be an absolute path',
  '[paths]\nrun = ""\n': 'F: "paths.run" must be an absolute path',
  '[paths]\nspool = 5\n': 'F: "paths.spool" is wrong: Invalid type: Expected string but received 5',
  '[paths]\nspool = ["/x"]\n':
    'F: "paths.spool" is wrong: Invalid type: Expected string but received Array',
  'paths = "x"\n': 'F: "paths" is wrong: Invalid type: Expected Object but received "x"',
  '[mail]\ntimeout = "5"\n':
    'F: "mail.timeout" is wrong: Invalid type: Expected number but received "5"',
  '[mail]\ntimeout = 0\n': 'F: "mail.timeout" is wrong: Invalid value: Expected >=1 but received 0',
  '[mail]\ntimeout = nan\n':
    'F: "mail.timeout" is wrong: Invalid type: Expected number but received NaN',
  '[mail]\ntimeout = 86401\n':
    'F: "mail.timeout" is wrong: Invalid value: Expected <=86400 but received 86401',
  '[mail]\nmailcmd = ""\n':
    'F: "mail.mailcmd" is wrong: Invalid length: Expected >=1 but received 0',
  '[jobs]\nnofile = 16.5\n': 'F: "jobs.nofile" is wrong: Invalid integer: Received 16.5',
  '[jobs]\nnofile = 15\n':
    'F: "jobs.nofile" is wrong: Invalid value: Expected >=16 but received 15',
  '[hooks]\non_failure = "alert"\n': 'F: "hooks.on_failure" must be an absolute path',
  '[hooks]\non_missed = ["alert", "/x"]\n': 'F: "hooks.on_missed" must begin with an absolute path',
  '[hooks]\non_missed = 5\n':
    'F: "hooks.on_missed" must be the absolute path of a program, or a list of one and its arguments',
  '[jobs]\npass_environment = ["A=b"]\n':
    'F: "jobs.pass_environment.0" must be the name of a variable',
  '[jobs]\npass_environment = ["TZ", "HOME"]\n':
    'F: "jobs.pass_environment.1" must not be a variable that is not for jobs',
  '[jobs]\npass_environment = ["LISTEN_FDS"]\n':
    'F: "jobs.pass_environment.0" must not be a variable that is not for jobs',
  '[log]\nformat = "xml"\n':
    'F: "log.format" is wrong: Invalid type: Expected ("text" | "json") but received "xml"',
  '[paths]\nspool = "x"\nstat = "/y"\n':
    'F: "paths.spool" must be an absolute path\nF: "paths.stat" is no setting of mailcron',
};
for (const [text, expected] of Object.entries(wrong))
  test(`readConfig() refuses ${JSON.stringify(text)}`, () => {
    assert.equal(complaint(text), expected);
  });

test('readConfig() refuses bytes that are no text in one line', () => {
  const said = complaint(Buffer.from([0xff, 0x00, 0x5b]));
  assert.match(said, /^F:1:\d+: [^\n]+$/);
});

test('readConfig() refuses a file that was named and is not there', () => {
  assert.throws(() => readConfig({ config: join(folder, 'missing') }, {}), {
    exit: 78,
    message: `Cannot read the configuration "${join(folder, 'missing')}": no such file or directory`,
  });
  assert.throws(() => readConfig({}, { CRON_CONFIG: '/nowhere/x' }), {
    message: 'Cannot read the configuration "/nowhere/x": no such file or directory',
  });
});

test('readConfig() refuses a directory', () => {
  mkdirSync(join(folder, 'directory'));
  assert.throws(() => readConfig({ config: join(folder, 'directory') }, {}), {
    exit: 78,
    message: /: is a directory$/,
  });
});

userTest('readConfig() refuses a file that it may not read', () => {
  writeFileSync(file, '');
  chmodSync(file, 0);
  assert.throws(() => readConfig({ config: file }, {}), {
    exit: 78,
    message: /: permission denied$/,
  });
  chmodSync(file, 0o644);
});

test('logChoice() of auto is stderr in the foreground, and syslog for a daemon and for systemd', () => {
  const to = (foreground: boolean, environment = {}): unknown =>
    logChoice({ to: 'auto', format: 'text' }, foreground, environment).to;
  assert.equal(to(true), 'stderr');
  assert.equal(to(false), 'syslog');
  assert.equal(to(true, { JOURNAL_STREAM: '8:1' }), 'syslog');
});

test('logChoice() takes what the configuration says', () => {
  const to = (text: string): unknown => logChoice({ to: text, format: 'json' }, true, {}).to;
  assert.equal(to('syslog'), 'syslog');
  assert.equal(to('stderr'), 'stderr');
  assert.equal(to('stdout'), 'stdout');
  assert.deepEqual(to('/var/log/x'), { file: '/var/log/x' });
  assert.deepEqual(to('journal'), { journal: '/run/systemd/journal/socket' });
  assert.deepEqual(to('journal:/run/systemd/journal.web/socket'), {
    journal: '/run/systemd/journal.web/socket',
  });
  assert.throws(() => to('journal:web'), /none of auto, syslog, journal,/);
  assert.throws(() => to('x'), {
    exit: 78,
    message: '[log] to = "x" is none of auto, syslog, journal, stderr, stdout and no absolute path',
  });
});
