/** What holds without a configuration file: the paths of Debian's cron, and ours. */

/** Where the configuration is unless `--config` or CRON_CONFIG says otherwise; it need not exist. */
export const DEFAULT_CONFIG = '/etc/mailcron.toml';

export const DEFAULT_PATHS = {
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
} as const;

export const DEFAULT_LOG = { to: 'auto', format: 'text' } as const;
