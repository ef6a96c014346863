/** What a mailer did with a test mail → what to do next. */
import type { PresetName } from '../mail/presets.ts';
import type { Outcome } from '../mail/program.ts';

interface Rule {
  readonly by?: PresetName;
  readonly means?: Outcome['means'];
  readonly status?: number | 'none' | 'signal';
  readonly read?: boolean;
  readonly say: string;
}

const WHERE = 'If it does not come, look into the log of the mail system:';

/** All that fit are told. */
const RULES: readonly Rule[] = [
  {
    status: 'none',
    say: 'Install a mail system: "postfix" or "exim4-daemon-light" deliver by themselves, "msmtp-mta" or "nullmailer" pass on to another machine. Until then cron puts mail into mailboxes.',
  },
  {
    status: 0,
    read: false,
    say: 'It says that all is well and has not read the message. Is it a wrapper that hands on nothing?',
  },
  {
    by: 'sendmail',
    status: 78,
    say: 'Leave -or0s and other timeouts out of MAILARGS: with them sendmail drops its setgid, and refuses all but root.',
  },
  {
    by: 'sendmail',
    status: 67,
    say: 'It does not know a recipient: the others get the mail, and the sender gets a bounce.',
  },
  {
    by: 'sendmail',
    status: 'signal',
    say: 'sendmail sleeps for a minute where the name of the machine has no dot: give /etc/hosts a line "127.0.0.1 NAME.DOMAIN NAME".',
  },
  {
    by: 'opensmtpd',
    status: 75,
    say: 'smtpd does not run: the mail lies in /var/spool/smtpd/offline and goes out when it does.',
  },
  {
    by: 'exim4',
    status: 0,
    say: 'Debian’s Exim delivers nothing as root: without an alias for root in /etc/aliases, its mail lies in /var/mail/mail.',
  },
  {
    by: 'msmtp',
    status: 0,
    say: 'msmtp never adds a domain to a name such as "alice": give /etc/msmtprc "aliases /etc/aliases", and a line for each user there.',
  },
  {
    status: 127,
    say: 'Status 127 is a shell’s, or that of "docker exec": it has not found the command.',
  },
  { means: 'later', say: 'cron keeps such mail.' },
  {
    by: 'postfix',
    means: 'taken',
    say: `${WHERE} "journalctl -t postfix/smtp -t postfix/local" or /var/log/mail.log, and "mailq".`,
  },
  { by: 'exim4', means: 'taken', say: `${WHERE} /var/log/exim4/mainlog, and "mailq".` },
  { by: 'sendmail', means: 'taken', say: `${WHERE} /var/log/mail.log, and "mailq -Ac".` },
  { by: 'opensmtpd', means: 'taken', say: `${WHERE} /var/log/mail.log, and "smtpctl show queue".` },
  { by: 'dma', means: 'taken', say: `${WHERE} /var/log/mail.log, and "mailq".` },
  { by: 'nullmailer', means: 'taken', say: `${WHERE} "journalctl -u nullmailer", and "mailq".` },
  {
    by: 'msmtp',
    means: 'taken',
    say: `${WHERE} that of the relay, or what "logfile" in /etc/msmtprc names.`,
  },
  { by: 'ssmtp', means: 'taken', say: `${WHERE} that of the relay, or /var/log/mail.log.` },
];

/** Say what to do, most urgent first. */
export function advice(name: PresetName, { means, handed }: Outcome): string[] {
  const { exit, read } = handed ?? { exit: null, read: false };
  const status = exit === null ? 'none' : (exit.code ?? 'signal');
  const fits = (rule: Rule): boolean =>
    (rule.by ?? name) === name &&
    (rule.means ?? means) === means &&
    (rule.status ?? status) === status &&
    (rule.read ?? read) === read;
  return RULES.filter(fits).map(({ say }) => say);
}
