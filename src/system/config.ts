/** The configuration file and what overrides it → every path and setting, checked. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute } from 'node:path';
import * as v from 'valibot';
import { DEFAULT_CONFIG, DEFAULT_LOG, DEFAULT_PATHS } from './defaults.ts';
import { EXIT, errorCode, Failure, reason } from './failure.ts';
import { journalSocket } from './journald.ts';
import type { SinkChoice } from './sink.ts';

// An import would load eight modules. For CommonJS the package is one file, which takes a third of the time.
const { parse, TomlError }: typeof import('smol-toml') = createRequire(import.meta.url)(
  'smol-toml',
);

const path = (fallback: string) =>
  v.optional(v.pipe(v.string(), v.check(isAbsolute, 'must be an absolute path')), fallback);
/** A unix socket's name has at most 107 bytes, and `/runner-ID.sock` follows. */
const RUN_LIMIT = 75;
const seconds = (fallback: number) =>
  v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(86_400)), fallback);

const PATHS = v.strictObject({
  spool: path(DEFAULT_PATHS.spool),
  system_crontab: path(DEFAULT_PATHS.system_crontab),
  cron_d: path(DEFAULT_PATHS.cron_d),
  allow: path(DEFAULT_PATHS.allow),
  deny: path(DEFAULT_PATHS.deny),
  run: v.optional(
    v.pipe(
      v.string(),
      v.check(isAbsolute, 'must be an absolute path'),
      v.maxBytes(RUN_LIMIT, `must not be longer than ${RUN_LIMIT} bytes: sockets lie there`),
    ),
    DEFAULT_PATHS.run,
  ),
  pidfile: path(DEFAULT_PATHS.pidfile),
  reboot: path(DEFAULT_PATHS.reboot),
  state: path(DEFAULT_PATHS.state),
  mailbox: path(DEFAULT_PATHS.mailbox),
});

const MAILBOX = v.strictObject({
  /** An mbox in [paths] mailbox, or a Maildir in the user's home. */
  format: v.optional(v.picklist(['mbox', 'maildir']), 'mbox'),
});

/** A name that may follow the @ of an address, or an address of its own. */
const DOMAIN = /^[0-9A-Za-z](?:[0-9A-Za-z.-]*[0-9A-Za-z])?$/;
const ADDRESS = /^[^\s@<>,;:"()[\]\\]+@[0-9A-Za-z](?:[0-9A-Za-z.-]*[0-9A-Za-z])?$/;
const absolute = v.optional(v.pipe(v.string(), v.check(isAbsolute, 'must be an absolute path')));

/** Where the built-in delivery brings mail: to one relay. */
const SMTP = v.strictObject({
  /** A name, an address, or with LMTP the path of a socket. */
  host: v.optional(v.pipe(v.string(), v.minLength(1))),
  port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))),
  protocol: v.optional(v.picklist(['smtp', 'lmtp']), 'smtp'),
  security: v.optional(v.picklist(['tls', 'starttls', 'opportunistic', 'off'])),
  /** A file of user and password, readable by run_as alone. */
  credentials: absolute,
  /** Certificates of CAs that are trusted in place of the system's. */
  tls_ca: absolute,
  tls_accept_any: v.optional(v.boolean(), false),
  /** What is put to addresses without a domain. */
  domain: v.optional(v.pipe(v.string(), v.regex(DOMAIN, 'must be the name of a domain'))),
  /** The envelope's sender, whoever the job's user is. */
  from: v.optional(v.pipe(v.string(), v.regex(ADDRESS, 'must be an address with a domain'))),
  /** How long the relay may be silent, in seconds. */
  timeout: seconds(300),
  /** Connections at the same time. */
  pool: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100)), 4),
  /** What the relay is asked to report to the sender (RFC 3461). */
  dsn: v.optional(v.array(v.picklist(['never', 'success', 'failure', 'delay'])), []),
  /** The user that speaks to the relay, where the daemon is root. */
  run_as: v.optional(v.pipe(v.string(), v.minLength(1)), 'mailcron'),
});

const count = (fallback: number) =>
  v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), fallback);

const OUTBOX = v.strictObject({
  /** Days after which a mail that nobody takes goes back to its owner. */
  keep: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(365)), 5),
  /** Seconds until a mail is tried again; the later pauses are multiples of it. */
  first_pause: v.optional(v.pipe(v.number(), v.minValue(0.1), v.maxValue(86_400)), 60),
  /** What one user's mails may take: how many, and how many bytes. */
  per_user: count(1000),
  per_user_bytes: count(200_000_000),
});

const MAIL = v.strictObject({
  /** A program, `mailbox:` for the built-in mailbox file, or `smtp:` or a URL for the built-in delivery. */
  mailcmd: v.optional(v.pipe(v.string(), v.minLength(1)), '/usr/sbin/sendmail'),
  /** Vixie's format: the first `%s` is mailcmd, the second the recipients. As it suits the mailer where it is not given. */
  mailargs: v.optional(v.string()),
  /** Who the mailer is: a name of mail/presets.ts, or `auto` to find out. */
  mailer: v.optional(v.string(), 'auto'),
  /** Who runs the mailer, where it needs rights that the jobs' users do not have. */
  mailer_user: v.optional(v.pipe(v.string(), v.minLength(1))),
  /** How long a mailer may take before it is ended, in seconds. */
  timeout: seconds(300),
  /** Bytes of a message at most, as it is sent; of a longer output it has head and tail. Postfix takes 10,240,000. */
  max_size: v.optional(v.pipe(v.number(), v.integer(), v.minValue(100_000)), 10_000_000),
  /** ` (failed)` in the Subject of a job that failed; with -L 4 anyway, as Debian has it. */
  subject_failed: v.optional(v.boolean(), false),
  /** Variables whose values no mail shows; `*` stands for anything. */
  mask: v.optional(v.array(v.pipe(v.string(), v.minLength(1))), [
    '*PASSWORD*',
    '*SECRET*',
    '*TOKEN*',
    '*_KEY',
  ]),
  mailbox: v.optional(MAILBOX, {}),
  smtp: v.optional(SMTP, {}),
  outbox: v.optional(OUTBOX, {}),
});

/** Mails that other programs hand in by cron-sendmail. */
const SUBMIT = v.strictObject({
  aliases: path('/etc/aliases'),
  /** Give what is handed in to MAILCMD as well: it must not lead back to cron-sendmail. */
  to_mailcmd: v.optional(v.boolean(), false),
  /** Bytes of a message. */
  max_size: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1024)), 50_000_000),
});

/** Each user's own; and what is between a service and its manager. */
const NOT_PASSED =
  /^(?:HOME|USER|LOGNAME|NOTIFY_SOCKET|WATCHDOG_\w*|LISTEN_\w*|JOURNAL_STREAM|INVOCATION_ID)$/;

const VARIABLE = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z_]\w*$/, 'must be the name of a variable'),
  v.check((name) => !NOT_PASSED.test(name), 'must not be a variable that is not for jobs'),
);

const JOBS = v.strictObject({
  /** Soft limit of open descriptors; Node raises its own, a job gets this one back. */
  nofile: v.optional(v.pipe(v.number(), v.integer(), v.minValue(16)), 1024),
  /** Jobs that run at the same time, in all and of one user; those beyond wait. */
  max_running: count(4000),
  max_running_per_user: count(2000),
  /** Have the processes of the next minute's jobs ready before it. */
  arm: v.optional(v.boolean(), true),
  /** `auto`: jobs of an account that PAM refuses do not run, where PAM has a service `cron`. */
  pam: v.optional(v.picklist(['auto', 'off']), 'auto'),
  /** `pam`: each job has a PAM session: login uid, limits.conf and what else its modules do. */
  session: v.optional(v.picklist(['none', 'pam']), 'none'),
  /** Each job has a systemd scope: what CRON_MEMORY, CRON_CPU and CRON_TASKS say is kept to. */
  scope: v.optional(v.boolean(), false),
  /** Bytes of a job's output that are kept: its head and its tail. The mail says how many there were between. */
  max_output: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1_000_000)), 100_000_000),
  /** For how many days an output that was too long for a mail is kept as a file ... */
  keep_long: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(3650)), 7),
  /** ... as long as all of them together have at most so many bytes. */
  max_long: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 1_000_000_000),
  /** When the daemon ends its jobs go on, or are ended with it: SIGTERM, and SIGKILL so many seconds later. */
  stop: v.optional(v.picklist(['leave', 'end']), 'leave'),
  stop_grace: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(86_400)), 5),
  /** How long a mail waits for a background child that keeps the output open, in seconds. */
  linger: seconds(60),
  /** Variables of the daemon's own environment that jobs get. */
  pass_environment: v.optional(v.array(VARIABLE), []),
});

/** What is kept of runs that are over. */
const HISTORY = v.strictObject({
  /** For how many days. */
  keep: v.optional(v.pipe(v.number(), v.minValue(0.01), v.maxValue(36_500)), 90),
  /** Bytes of its file at most: the oldest runs go first. */
  max_size: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1_000_000)), 500_000_000),
  /** Bytes of a run's output: of a longer one head and tail. */
  output: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000)), 65_536),
});

/** A program, or a program and its arguments: nothing is split, and no shell reads it. */
const program = v.optional(
  v.union(
    [
      v.pipe(v.string(), v.check(isAbsolute, 'must be an absolute path')),
      v.pipe(
        v.array(v.string()),
        v.check((words) => isAbsolute(words[0] ?? ''), 'must begin with an absolute path'),
      ),
    ],
    'must be the absolute path of a program, or a list of one and its arguments',
  ),
);

/** Programs of the administrator's that are told when something goes wrong. */
const HOOKS = v.strictObject({
  /** Run when a job has failed, could not be started, or ended nobody knows how. */
  on_failure: program,
  /** Run when a job was left out, or has not succeeded for longer than its CRON_EXPECT. */
  on_missed: program,
  /** Who runs them, where the daemon is root. */
  hook_user: v.optional(v.pipe(v.string(), v.minLength(1)), 'mailcron'),
  /** So many a minute at most; the rest is counted. */
  per_minute: count(10),
});

/** What monitoring reads. */
const METRICS = v.strictObject({
  /** Written each minute, in a directory that node_exporter's textfile collector reads. */
  textfile: absolute,
  /** Two values more for each entry: when it last succeeded, and when it last failed. */
  per_entry: v.optional(v.boolean(), false),
});

const LOG = v.strictObject({
  to: v.optional(v.pipe(v.string(), v.minLength(1)), DEFAULT_LOG.to),
  format: v.optional(v.picklist(['text', 'json']), DEFAULT_LOG.format),
});

/** For tests of cron alone; system/testclock.ts refuses it anywhere else. */
const TEST = v.strictObject({
  /** A file that holds the milliseconds since the epoch that it is now, to the scheduler. */
  clock: absolute,
});

/** All sections and settings; mailcron.toml(5) tells of each. */
export const CONFIG = v.strictObject({
  paths: v.optional(PATHS, {}),
  mail: v.optional(MAIL, {}),
  submit: v.optional(SUBMIT, {}),
  jobs: v.optional(JOBS, {}),
  history: v.optional(HISTORY, {}),
  hooks: v.optional(HOOKS, {}),
  metrics: v.optional(METRICS, {}),
  log: v.optional(LOG, {}),
  test: v.optional(TEST, {}),
});

/** Everything that the configuration decides. */
export type Config = v.InferOutput<typeof CONFIG>;

/** What is stronger than the file: the environment, and stronger still the options. */
export interface Overrides {
  readonly config?: string | undefined;
  readonly mailcmd?: string | undefined;
  readonly mailargs?: string | undefined;
}

/**
 * Read the configuration.
 * @throws {Failure} with EXIT.CONFIG: which file, which key, what is wrong.
 */
export function readConfig(options: Overrides, environment: NodeJS.ProcessEnv): Config {
  const named = options.config ?? environment['CRON_CONFIG'];
  const file = named ?? DEFAULT_CONFIG;
  const config = check(readFile(file, named !== undefined), file);
  const mailcmd = options.mailcmd ?? environment['MAILCMD'] ?? config.mail.mailcmd;
  const mailargs = options.mailargs ?? environment['MAILARGS'] ?? config.mail.mailargs;
  return { ...config, mail: { ...config.mail, mailcmd, mailargs } };
}

/**
 * Decide where the log goes. `auto` is syslog for a daemon, and stderr in the foreground, except
 * under systemd, whose journal wants the tags and priorities that only syslog carries.
 */
export function logChoice(
  log: Config['log'],
  foreground: boolean,
  environment: NodeJS.ProcessEnv,
): SinkChoice {
  const auto = foreground && environment['JOURNAL_STREAM'] === undefined ? 'stderr' : 'syslog';
  const to = log.to === 'auto' ? auto : log.to;
  if (to === 'syslog' || to === 'stderr' || to === 'stdout') return { to, format: log.format };
  if (isAbsolute(to)) return { to: { file: to }, format: log.format };
  const journal = journalSocket(to);
  if (journal !== null) return { to: { journal }, format: log.format };
  const problem = `[log] to = "${to}" is none of auto, syslog, journal, stderr, stdout and no absolute path`;
  throw new Failure(problem, { exit: EXIT.CONFIG });
}

function readFile(file: string, mustExist: boolean): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT' && !mustExist) return '';
    const problem = `Cannot read the configuration "${file}": ${reason(error)}`;
    throw new Failure(problem, { exit: EXIT.CONFIG, cause: error });
  }
}

function check(text: string, file: string): Config {
  let table: unknown;
  try {
    table = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // smol-toml puts the sentence first, then a picture of the line.
    const [sentence = 'no TOML'] = error.message.split('\n');
    const problem = `${file}:${error.line}:${error.column}: ${sentence}`;
    throw new Failure(problem, { exit: EXIT.CONFIG, cause: error });
  }
  const result = v.safeParse(CONFIG, table);
  if (result.success) return result.output;
  const complaints = result.issues.map((issue) => `${file}: ${complaint(issue)}`);
  throw new Failure(complaints.join('\n'), { exit: EXIT.CONFIG });
}

function complaint(issue: v.BaseIssue<unknown>): string {
  const key = v.getDotPath(issue) ?? '';
  if (issue.expected === 'never') return `"${key}" is no setting of mailcron`;
  return `"${key}" ${issue.message.startsWith('must') ? issue.message : `is wrong: ${issue.message}`}`;
}
