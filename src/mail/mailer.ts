/** A mail → a mailer or mailboxes; and if that fails, into the outbox, and a line in the log. */
import { existsSync } from 'node:fs';
import { EXIT, Failure, reason } from '../system/failure.ts';
import type { Deliver, Hand, Outgoing, Refused } from '../system/outgoing.ts';
import type { Launcher } from '../system/program.ts';
import type { Log } from '../system/sink.ts';
import { machineNames } from './domain.ts';
import { readMailArgs } from './mailargs.ts';
import { keep } from './outbox.ts';
import { checkProgram, programHand, type ProgramSettings } from './program.ts';
import { isRelay, readRelay, type SmtpSettings } from './relay.ts';

/** What the configuration says of mail, and where things lie. */
export interface MailSettings extends ProgramSettings {
  /** In milliseconds. */
  readonly timeout: number;
  readonly outbox: string;
}

/**
 * Choose the way that MAILCMD says.
 * @param deposit the last resort: into mailboxes
 * @throws {Failure} with EXIT.CONFIG when it says none
 */
export function mailer(
  settings: MailSettings,
  launcher: Launcher,
  log: Log,
  deposit: Hand,
): Deliver {
  const hand = chooseHand(settings, launcher, log, deposit);
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

/** Check the settings of mail before anything runs. */
export function checkMailSettings(
  settings: ProgramSettings & { readonly smtp?: SmtpSettings },
): void {
  const { mailcmd, smtp } = settings;
  if (smtp !== undefined && (isRelay(mailcmd) || smtp.host !== undefined))
    readRelay(mailcmd, smtp, machineNames());
  if (mailcmd === 'mailbox:' || isRelay(mailcmd)) return;
  if (/^[a-z][a-z+]*:/.test(mailcmd)) {
    const problem = `MAILCMD "${mailcmd}" is neither the path of a program nor "mailbox:" nor a relay such as "smtp://HOST"`;
    throw new Failure(problem, { exit: EXIT.CONFIG });
  }
  checkProgram(settings);
}

/**
 * Find who takes mails, by what MAILCMD says; mailboxes do when it names a program that is not there.
 * @throws {Failure} with EXIT.CONFIG
 */
export function chooseHand(
  settings: MailSettings,
  launcher: Launcher,
  log: Log,
  deposit: Hand,
): Hand {
  checkMailSettings(settings);
  if (settings.mailcmd === 'mailbox:') return deposit;
  // No process of a job's user speaks to the network, nor one of root's: see postman.ts.
  if (isRelay(settings.mailcmd))
    return (mail) => Promise.resolve(refuseAll(mail, 'it waits for the postman'));
  const { program } = readMailArgs(settings.mailcmd, '%s');
  const hand = programHand(settings, launcher, log);
  let isMissing = false;
  return async (mail) => {
    if (existsSync(program)) {
      isMissing = false;
      return hand(mail);
    }
    // Once, until there is one and it goes again: Debian's cron says it with each mail that it discards.
    if (!isMissing) log('CRON', 'info', 'No MTA installed, using mailboxes', { tag: 'CRON' });
    isMissing = true;
    return deposit(mail);
  };
}

function refuseAll(mail: Outgoing, trouble: string): Refused[] {
  return mail.recipients.map((recipient) => ({ recipient, reason: trouble, permanent: false }));
}

const ERROR = { level: 'error', tag: 'CRON' } as const;
