/** What holds without a configuration file, and what is stronger than one. */
import { existsSync } from 'node:fs';
import type { Config } from './config.ts';

/** Where the configuration is unless `--config` or CRON_CONFIG says otherwise; it need not exist. */
export const DEFAULT_CONFIG = '/etc/mailcron.toml';

/** The paths of Debian's cron, and ours. */
const paths = {
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
};

const mail = {
  mailcmd: '/usr/sbin/sendmail',
  mailer: 'auto',
  timeout: 300,
  max_size: 10_000_000,
  subject_failed: false,
  mask: ['*PASSWORD*', '*SECRET*', '*TOKEN*', '*_KEY'],
  mailbox: { format: 'mbox' as const },
  smtp: {
    protocol: 'smtp' as const,
    tls_accept_any: false,
    timeout: 300,
    pool: 4,
    dsn: [],
    run_as: 'mailcron',
  },
  outbox: { keep: 5, first_pause: 60, per_user: 1000, per_user_bytes: 200_000_000 },
};

const jobs = {
  nofile: 1024,
  max_running: 4000,
  max_running_per_user: 2000,
  arm: true,
  pam: 'auto' as const,
  session: 'none' as const,
  scope: false,
  max_output: 100_000_000,
  keep_long: 7,
  max_long: 1_000_000_000,
  stop: 'leave' as const,
  stop_grace: 5,
  linger: 60,
  pass_environment: [],
};

/** What each setting is where nothing else is said of it; config.ts and mailcron.toml(5) tell what they mean. */
export const DEFAULTS = {
  paths,
  mail,
  submit: { aliases: '/etc/aliases', to_mailcmd: false, max_size: 50_000_000 },
  jobs,
  history: { keep: 90, max_size: 500_000_000, output: 65_536 },
  hooks: { hook_user: 'mailcron', per_minute: 10 },
  metrics: { per_entry: false },
  log: { to: 'auto', format: 'text' as const },
  test: {},
};

/** What is stronger than the file: the environment, and stronger still the options. */
export interface Overrides {
  readonly config?: string | undefined;
  readonly mailcmd?: string | undefined;
  readonly mailargs?: string | undefined;
}

/** The settings of a mail, as far as they can be overridden. */
interface Mail {
  readonly mailcmd: string;
  readonly mailargs?: string | undefined;
}

/** The same settings with the mailer that the options or the environment name. */
export function override<C extends { readonly mail: Mail }>(
  config: C,
  options: Overrides,
  environment: NodeJS.ProcessEnv,
): C {
  const mailcmd = options.mailcmd ?? environment['MAILCMD'] ?? config.mail.mailcmd;
  const mailargs = options.mailargs ?? environment['MAILARGS'] ?? config.mail.mailargs;
  return { ...config, mail: { ...config.mail, mailcmd, mailargs } };
}

/**
 * The settings of a program: readConfig() where there is a file. Where there is none, nothing is loaded that could read
 * one, which is 1.2 MB for as long as the process lives, and half of the start of crontab(1).
 * @throws {Failure} with EXIT.CONFIG: which file, which key, what is wrong.
 */
export async function configuration(
  options: Overrides,
  environment: NodeJS.ProcessEnv,
): Promise<Config> {
  const named = options.config ?? environment['CRON_CONFIG'];
  if (named === undefined && !existsSync(DEFAULT_CONFIG))
    return override<Config>(DEFAULTS, options, environment);
  const { readConfig } = await import('./config.ts');
  return readConfig(options, environment);
}
