/** A mail → a mailer or mailboxes; and if that fails, into the outbox, and a line in the log. */
import { existsSync } from 'node:fs';
import { EXIT, Failure } from '../system/failure.ts';
import type { Deliver, Hand } from '../system/outgoing.ts';
import type { Launcher } from '../system/program.ts';
import type { Log } from '../system/sink.ts';
import type { Deposit } from './deposit.ts';
import { machineNames } from './domain.ts';
import { type KeepTools, keeper } from './keep.ts';
import { readMailArgs } from './mailargs.ts';
import { checkProgram, programHand, type ProgramSettings } from './program.ts';
import { isRelay, readRelay, type SmtpSettings } from './relay.ts';
import { refusedBy } from './refused.ts';
import type { Limits } from './room.ts';
import type { Terms } from './terms.ts';

/** What the configuration says of mail, and where things lie. */
export interface MailSettings extends ProgramSettings {
  /** In milliseconds. */
  readonly timeout: number;
  readonly outbox: string;
  /** There is a relay that stands in for a mailer ([mail.smtp] host). */
  readonly hasRelay: boolean;
  readonly limits: Limits;
  readonly terms: Terms;
}

/** What mails are handed to. */
export interface Hands {
  readonly launcher: Launcher;
  readonly log: Log;
  /** The last resort: into mailboxes. */
  readonly deposit: Deposit;
  /** To the relay; only the scheduler has one: nothing that starts jobs speaks to the network. */
  readonly relay?: Hand;
}

/** What a runner's mailer works with. */
export interface MailerTools extends Hands, Pick<KeepTools, 'onPosted' | 'leaving' | 'pauses'> {
  /** Told of the run whose mail is about to be handed over. */
  readonly onHanding?: (run: string) => void;
  /** Told of the run whose mail nobody has taken, for nobody. */
  readonly onRefused?: (run: string) => void;
}

/**
 * Choose the way that MAILCMD says, and the outbox for what finds no taker on it.
 * @throws {Failure} with EXIT.CONFIG when it says none
 */
export function mailer(settings: MailSettings, tools: MailerTools): Deliver {
  const hand = chooseHand(settings, tools);
  const keep = keeper({ ...settings, ...tools });
  return async (mail) => {
    if (wayOf(settings) === 'relay') return keep(mail, null); // the scheduler's business
    tools.onHanding?.(mail.run);
    const refused = await refusedBy(hand, mail);
    if (refused.length >= mail.recipients.length) tools.onRefused?.(mail.run);
    return refused.length === 0 || keep(mail, refused);
  };
}

/** Tell which way mail goes at this moment: a relay, or else mailboxes, do for a program that is not there. */
export function wayOf({
  mailcmd,
  hasRelay,
}: Pick<MailSettings, 'mailcmd' | 'hasRelay'>): 'program' | 'relay' | 'mailboxes' {
  if (mailcmd === 'mailbox:') return 'mailboxes';
  if (isRelay(mailcmd)) return 'relay';
  if (existsSync(readMailArgs(mailcmd, '%s').program)) return 'program';
  return hasRelay ? 'relay' : 'mailboxes';
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
 * Find who takes mails, mail by mail. Where a program is not there, mailboxes do for this machine's users, and mail
 * for others waits: a mail system that is being upgraded comes back.
 * @throws {Failure} with EXIT.CONFIG
 */
export function chooseHand(settings: MailSettings, hands: Hands): Hand {
  checkMailSettings(settings);
  const { launcher, log, deposit, relay } = hands;
  const { mailcmd } = settings;
  const isProgram = mailcmd !== 'mailbox:' && !isRelay(mailcmd);
  const program = isProgram ? programHand(settings, launcher, log) : deposit;
  const mailboxes: Hand = isProgram ? (mail) => deposit(mail, 'later') : deposit;
  const ways = { program, relay: relay ?? nobody, mailboxes };
  let isMissing = false;
  return (mail) => {
    const way = wayOf(settings);
    const missing = isProgram && way !== 'program';
    // Once, until there is one and it goes again: Debian's cron says it with each mail that it discards.
    if (missing && !isMissing)
      log('CRON', 'info', `No MTA installed, using ${STANDS_IN[way]}`, TAG);
    isMissing = missing;
    return ways[way](mail);
  };
}

const STANDS_IN = { program: '', relay: 'the relay', mailboxes: 'mailboxes' } as const;
const TAG = { tag: 'CRON' } as const;

/** Where there is no relay at hand. */
const nobody: Hand = (mail) =>
  Promise.resolve(
    mail.recipients.map((recipient) => ({
      recipient,
      reason: 'no relay is at hand',
      permanent: false,
    })),
  );
