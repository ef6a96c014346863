/** A mail → a mailer or a mailbox file; and if that fails, into the outbox, and a line in the log. */
import { existsSync } from 'node:fs';
import { EXIT, Failure, reason } from '../system/failure.ts';
import { fromText } from '../system/bytes.ts';
import type { Deliver, Hand, Outgoing, Refused } from '../system/outgoing.ts';
import type { Launcher } from '../system/program.ts';
import type { Log } from '../system/sink.ts';
import { appendToMailbox } from './mailbox.ts';
import { keep } from './outbox.ts';
import { type MailArgs, readMailArgs } from './mailargs.ts';
import { pipeMail } from './pipe.ts';

/** What the configuration says of mail, and where things lie. */
export interface MailSettings {
  /** A program, or `mailbox:`. */
  readonly mailcmd: string;
  readonly mailargs: string;
  /** In milliseconds. */
  readonly timeout: number;
  readonly mailbox: string;
  readonly outbox: string;
}

/**
 * Choose the way that MAILCMD says.
 * @throws {Failure} with EXIT.CONFIG when it says none
 */
export function mailer(settings: MailSettings, launcher: Launcher, log: Log): Deliver {
  const hand = chooseHand(settings, launcher, log);
  return async (mail) => {
    let refused: readonly Refused[];
    try {
      refused = await hand(mail);
    } catch (error) {
      refused = refuseAll(mail, reason(error));
    }
    const [first] = refused;
    if (first === undefined) return true;
    const trouble = first.reason;
    try {
      const file = await keep(settings.outbox, mail, refused);
      log(mail.user.name, 'MAIL', `not delivered (${trouble}), kept in ${file}`, ERROR);
      return true;
    } catch (error) {
      const detail = `not delivered (${trouble}), and not kept either: ${reason(error)}`;
      log(mail.user.name, 'MAIL', detail, ERROR);
      return false;
    }
  };
}

/** Check MAILCMD and MAILARGS before anything runs. */
export function checkMailSettings(settings: Pick<MailSettings, 'mailcmd' | 'mailargs'>): void {
  const scheme = /^[a-z][a-z+]*:/.exec(settings.mailcmd)?.[0];
  if (scheme === undefined) readMailArgs(settings.mailcmd, settings.mailargs);
  else if (settings.mailcmd !== 'mailbox:') {
    const problem = `MAILCMD "${settings.mailcmd}" is neither the path of a program nor "mailbox:"`;
    throw new Failure(problem, { exit: EXIT.CONFIG });
  }
}

/**
 * Find who takes mails, by what MAILCMD says.
 * @throws {Failure} with EXIT.CONFIG
 */
export function chooseHand(settings: MailSettings, launcher: Launcher, log: Log): Hand {
  checkMailSettings(settings);
  if (settings.mailcmd === 'mailbox:')
    return async (mail) => {
      await appendToMailbox(settings.mailbox, mail);
      return [];
    };
  const args = readMailArgs(settings.mailcmd, settings.mailargs);
  return async (mail) => {
    const trouble = await handToProgram(mail, args, settings, launcher, log);
    return trouble === null ? [] : refuseAll(mail, trouble);
  };
}

/** A mailer speaks for all recipients at once. */
function refuseAll(mail: Outgoing, trouble: string): Refused[] {
  return mail.recipients.map((recipient) => ({ recipient, reason: trouble, permanent: false }));
}

async function handToProgram(
  mail: Outgoing,
  args: MailArgs,
  { outbox: spool, timeout }: MailSettings,
  launcher: Launcher,
  log: Log,
): Promise<string | null> {
  if (!existsSync(args.program)) {
    log('CRON', 'info', 'No MTA installed, keeping output', { tag: 'CRON' });
    return fromText(`there is no ${args.program}`);
  }
  const { exit, read, timedOut, said } = await pipeMail(mail, { args, spool, timeout }, launcher);
  if (exit.code === 0 && read) return null;
  const status = exit.code ?? 0xffffffff; // Debian's cron prints -1 for a mailer that a signal ended
  const plural = mail.size === 1 ? '' : 's';
  const detail = `mailed ${mail.size} byte${plural} of output but got status 0x${status.toString(16).padStart(4, '0')} from MTA`;
  log(mail.user.name, 'MAIL', detail, ERROR);
  const why = timedOut
    ? `the mailer did not end within ${timeout / 1000} s`
    : exit.signal !== null
      ? `the mailer was ended by ${exit.signal}`
      : exit.code !== 0
        ? `the mailer ended with status ${exit.code}`
        : 'the mailer did not read the message';
  return said === '' ? why : `${why}: ${said}`;
}

const ERROR = { level: 'error', tag: 'CRON' } as const;
