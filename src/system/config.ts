/** The configuration file and what overrides it → every path and setting, checked. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute } from 'node:path';
import * as v from 'valibot';
import { DEFAULT_CONFIG, DEFAULTS, override, type Overrides } from './defaults.ts';
import { EXIT, errorCode, Failure, reason } from './failure.ts';

// An import would load eight modules. For CommonJS the package is one file, which takes a third of the time.
const { parse, TomlError }: typeof import('smol-toml') = createRequire(import.meta.url)(
  'smol-toml',
);

const { paths, mail, submit, jobs, history, hooks, metrics, log } = DEFAULTS;

const path = (fallback: string) =>
  v.optional(v.pipe(v.string(), v.check(isAbsolute, 'must be an absolute path')), fallback);
/** A unix socket's name has at most 107 bytes, and `/runner-ID.sock` follows. */
const RUN_LIMIT = 75;
const seconds = (fallback: number) =>
  v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(86_400)), fallback);

const PATHS = v.strictObject({
  spool: path(paths.spool),
  system_crontab: path(paths.system_crontab),
  cron_d: path(paths.cron_d),
  allow: path(paths.allow),
  deny: path(paths.deny),
  run: v.optional(
    v.pipe(
      v.string(),
      v.check(isAbsolute, 'must be an absolute path'),
      v.maxBytes(RUN_LIMIT, `must not be longer than ${RUN_LIMIT} bytes: sockets lie there`),
    ),
    paths.run,
  ),
  pidfile: path(paths.pidfile),
  reboot: path(paths.reboot),
  state: path(paths.state),
  mailbox: path(paths.mailbox),
});

const MAILBOX = v.strictObject({
  /** An mbox in [paths] mailbox, or a Maildir in the user's home. */
  format: v.optional(v.picklist(['mbox', 'maildir']), mail.mailbox.format),
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
  protocol: v.optional(v.picklist(['smtp', 'lmtp']), mail.smtp.protocol),
  security: v.optional(v.picklist(['tls', 'starttls', 'opportunistic', 'off'])),
  /** A file of user and password, readable by run_as alone. */
  credentials: absolute,
  /** Certificates of CAs that are trusted in place of the system's. */
  tls_ca: absolute,
  tls_accept_any: v.optional(v.boolean(), mail.smtp.tls_accept_any),
  /** What is put to addresses without a domain. */
  domain: v.optional(v.pipe(v.string(), v.regex(DOMAIN, 'must be the name of a domain'))),
  /** The envelope's sender, whoever the job's user is. */
  from: v.optional(v.pipe(v.string(), v.regex(ADDRESS, 'must be an address with a domain'))),
  /** How long the relay may be silent, in seconds. */
  timeout: seconds(mail.smtp.timeout),
  /** Connections at the same time. */
  pool: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100)), mail.smtp.pool),
  /** What the relay is asked to report to the sender (RFC 3461). */
  dsn: v.optional(v.array(v.picklist(['never', 'success', 'failure', 'delay'])), mail.smtp.dsn),
  /** The user that speaks to the relay, where the daemon is root. */
  run_as: v.optional(v.pipe(v.string(), v.minLength(1)), mail.smtp.run_as),
});

const count = (fallback: number) =>
  v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), fallback);

const OUTBOX = v.strictObject({
  /** Days after which a mail that nobody takes goes back to its owner. */
  keep: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(365)), mail.outbox.keep),
  /** Seconds until a mail is tried again; the later pauses are multiples of it. */
  first_pause: v.optional(
    v.pipe(v.number(), v.minValue(0.1), v.maxValue(86_400)),
    mail.outbox.first_pause,
  ),
  /** What one user's mails may take: how many, and how many bytes. */
  per_user: count(mail.outbox.per_user),
  per_user_bytes: count(mail.outbox.per_user_bytes),
});

const MAIL = v.strictObject({
  /** A program, `mailbox:` for the built-in mailbox file, or `smtp:` or a URL for the built-in delivery. */
  mailcmd: v.optional(v.pipe(v.string(), v.minLength(1)), mail.mailcmd),
  /** Vixie's format: the first `%s` is mailcmd, the second the recipients. As it suits the mailer where it is not given. */
  mailargs: v.optional(v.string()),
  /** Who the mailer is: a name of mail/presets.ts, or `auto` to find out. */
  mailer: v.optional(v.string(), mail.mailer),
  /** Who runs the mailer, where it needs rights that the jobs' users do not have. */
  mailer_user: v.optional(v.pipe(v.string(), v.minLength(1))),
  /** How long a mailer may take before it is ended, in seconds. */
  timeout: seconds(mail.timeout),
  /** Bytes of a message at most, as it is sent; of a longer output it has head and tail. Postfix takes 10,240,000. */
  max_size: v.optional(v.pipe(v.number(), v.integer(), v.minValue(100_000)), mail.max_size),
  /** ` (failed)` in the Subject of a job that failed; with -L 4 anyway, as Debian has it. */
  subject_failed: v.optional(v.boolean(), mail.subject_failed),
  /** Variables whose values no mail shows; `*` stands for anything. */
  mask: v.optional(v.array(v.pipe(v.string(), v.minLength(1))), mail.mask),
  mailbox: v.optional(MAILBOX, {}),
  smtp: v.optional(SMTP, {}),
  outbox: v.optional(OUTBOX, {}),
});

/** Mails that other programs hand in by cron-sendmail. */
const SUBMIT = v.strictObject({
  aliases: path(submit.aliases),
  /** Give what is handed in to MAILCMD as well: it must not lead back to cron-sendmail. */
  to_mailcmd: v.optional(v.boolean(), submit.to_mailcmd),
  /** Bytes of a message. */
  max_size: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1024)), submit.max_size),
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
  nofile: v.optional(v.pipe(v.number(), v.integer(), v.minValue(16)), jobs.nofile),
  /** Jobs that run at the same time, in all and of one user; those beyond wait. */
  max_running: count(jobs.max_running),
  max_running_per_user: count(jobs.max_running_per_user),
  /** Have the processes of the next minute's jobs ready before it. */
  arm: v.optional(v.boolean(), jobs.arm),
  /** `auto`: jobs of an account that PAM refuses do not run, where PAM has a service `cron`. */
  pam: v.optional(v.picklist(['auto', 'off']), jobs.pam),
  /** `pam`: each job has a PAM session: login uid, limits.conf and what else its modules do. */
  session: v.optional(v.picklist(['none', 'pam']), jobs.session),
  /** Each job has a systemd scope: what CRON_MEMORY, CRON_CPU and CRON_TASKS say is kept to. */
  scope: v.optional(v.boolean(), jobs.scope),
  /** Bytes of a job's output that are kept: its head and its tail. The mail says how many there were between. */
  max_output: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1_000_000)), jobs.max_output),
  /** For how many days an output that was too long for a mail is kept as a file ... */
  keep_long: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(3650)), jobs.keep_long),
  /** ... as long as all of them together have at most so many bytes. */
  max_long: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), jobs.max_long),
  /** When the daemon ends its jobs go on, or are ended with it: SIGTERM, and SIGKILL so many seconds later. */
  stop: v.optional(v.picklist(['leave', 'end']), jobs.stop),
  stop_grace: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(86_400)), jobs.stop_grace),
  /** How long a mail waits for a background child that keeps the output open, in seconds. */
  linger: seconds(jobs.linger),
  /** Variables of the daemon's own environment that jobs get. */
  pass_environment: v.optional(v.array(VARIABLE), jobs.pass_environment),
});

/** What is kept of runs that are over. */
const HISTORY = v.strictObject({
  /** For how many days. */
  keep: v.optional(v.pipe(v.number(), v.minValue(0.01), v.maxValue(36_500)), history.keep),
  /** Bytes of its file at most: the oldest runs go first. */
  max_size: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1_000_000)), history.max_size),
  /** Bytes of a run's output: of a longer one head and tail. */
  output: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000)),
    history.output,
  ),
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
  hook_user: v.optional(v.pipe(v.string(), v.minLength(1)), hooks.hook_user),
  /** So many a minute at most; the rest is counted. */
  per_minute: count(hooks.per_minute),
});

/** What monitoring reads. */
const METRICS = v.strictObject({
  /** Written each minute, in a directory that node_exporter's textfile collector reads. */
  textfile: absolute,
  /** Two values more for each entry: when it last succeeded, and when it last failed. */
  per_entry: v.optional(v.boolean(), metrics.per_entry),
});

const LOG = v.strictObject({
  to: v.optional(v.pipe(v.string(), v.minLength(1)), log.to),
  format: v.optional(v.picklist(['text', 'json']), log.format),
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

/**
 * Read the configuration.
 * @throws {Failure} with EXIT.CONFIG: which file, which key, what is wrong.
 */
export function readConfig(options: Overrides, environment: NodeJS.ProcessEnv): Config {
  const named = options.config ?? environment['CRON_CONFIG'];
  const file = named ?? DEFAULT_CONFIG;
  return override(check(readFile(file, named !== undefined), file), options, environment);
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
