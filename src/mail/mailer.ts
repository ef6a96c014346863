/** A mail → a mailer or mailboxes; and if that fails, into the outbox, and a line in the log. */
import { existsSync, type Stats, statSync } from 'node:fs';
import { EXIT, Failure } from '../system/failure.ts';
import type { Deliver, Hand, Outgoing } from '../system/outgoing.ts';
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
  /** Our own sendmail(8): a MAILCMD that leads there means the built-in delivery. */
  readonly ownSendmail: string;
  /** What other programs hand in goes to MAILCMD too ([submit] to_mailcmd). */
  readonly toMailcmd: boolean;
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
export interface MailerTools
  extends Hands, Pick<KeepTools, 'onPosted' | 'onFate' | 'leaving' | 'pauses'> {
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
    const way = wayOf(settings, mail);
    if (way === 'relay') return keep(mail, null); // the scheduler's business
    tools.onHanding?.(mail.run);
    const refused = await refusedBy(hand, mail);
    if (refused.length >= mail.recipients.length) tools.onRefused?.(mail.run);
    if (refused.length > 0) return keep(mail, refused);
    tools.onFate?.(mail.run, way === 'program' ? 'mailer' : 'mailboxes');
    return true;
  };
}

/** What decides on the way of a mail. */
export type WaySettings = Pick<MailSettings, 'mailcmd' | 'hasRelay' | 'ownSendmail' | 'toMailcmd'>;

/**
 * Tell which way a mail goes at this moment: a relay, or else mailboxes, do for a program that is not there, or is
 * our own sendmail, or may be one that hands the mail in once more.
 */
export function wayOf(
  settings: WaySettings,
  { submitted }: Pick<Outgoing, 'submitted'>,
): 'program' | 'relay' | 'mailboxes' {
  const { mailcmd, hasRelay, toMailcmd } = settings;
  if (isRelay(mailcmd)) return 'relay';
  const mayRun = mailcmd !== 'mailbox:' && (toMailcmd || submitted !== true);
  if (mayRun && isAnothers(settings)) return 'program';
  return hasRelay && mailcmd !== 'mailbox:' ? 'relay' : 'mailboxes';
}

/** Whether there is a program that is not our own; links are followed: /usr/sbin/sendmail may be one to it. */
function isAnothers(settings: WaySettings): boolean {
  const program = statOf(programOf(settings));
  const own = program && statOf(settings.ownSendmail);
  return program !== null && (program.ino !== own?.ino || program.dev !== own.dev);
}

function programOf({ mailcmd }: WaySettings): string {
  return readMailArgs(mailcmd, '%s').program;
}

function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
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
  let isMissing = false;
  return (mail) => {
    const way = wayOf(settings, mail);
    if (mail.submitted === true && !settings.toMailcmd) return byWay(way, mail, 'later');
    const missing = isProgram && !existsSync(programOf(settings));
    // Once, until there is one and it goes again: Debian's cron says it with each mail that it discards.
    if (missing && !isMissing)
      log('CRON', 'info', `No MTA installed, using ${STANDS_IN[way]}`, TAG);
    isMissing = missing;
    return byWay(way, mail, missing ? 'later' : undefined);
  };

  function byWay(
    way: ReturnType<typeof wayOf>,
    mail: Outgoing,
    strangers: 'later' | undefined,
  ): ReturnType<Hand> {
    if (way === 'mailboxes') return deposit(mail, strangers);
    return way === 'relay' ? (relay ?? nobody)(mail) : program(mail);
  }
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
