/** A mail → a mailer or a mailbox file; and if that fails, into the outbox, and a line in the log. */
import { EXIT, Failure, reason } from '../system/failure.ts';
import type { Deliver, Hand, Outgoing, Refused } from '../system/outgoing.ts';
import type { Launcher } from '../system/program.ts';
import type { Log } from '../system/sink.ts';
import { appendToMailbox } from './mailbox.ts';
import { keep } from './outbox.ts';
import { checkProgram, programHand, type ProgramSettings } from './program.ts';

/** What the configuration says of mail, and where things lie. */
export interface MailSettings extends ProgramSettings {
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

/** Check the settings of mail before anything runs. */
export function checkMailSettings(settings: ProgramSettings): void {
  const scheme = /^[a-z][a-z+]*:/.exec(settings.mailcmd)?.[0];
  if (scheme === undefined) checkProgram(settings);
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
  return programHand(settings, launcher, log);
}

function refuseAll(mail: Outgoing, trouble: string): Refused[] {
  return mail.recipients.map((recipient) => ({ recipient, reason: trouble, permanent: false }));
}

const ERROR = { level: 'error', tag: 'CRON' } as const;
