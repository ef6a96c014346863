/** A mail → the mailboxes of this machine's users, each written by a process of that user. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fromText } from '../system/bytes.ts';
import { reason } from '../system/failure.ts';
import type { Outgoing, Refused } from '../system/outgoing.ts';
import type { Launcher } from '../system/program.ts';
import type { Log } from '../system/sink.ts';
import type { User, Users } from '../system/users.ts';
import { hostNames, localName } from './local.ts';
import type { Place } from './mailbox.ts';
import { checkOwn } from './own.ts';
import { pipeMail } from './pipe.ts';
import { takingTurns } from './turns.ts';

/** Where mailboxes are, and what writes to them. */
export interface DepositSettings {
  /** The command line of our own cli/deposit.ts; place and sender follow. */
  readonly program: readonly [string, ...string[]];
  /** Directory of mboxes, one a user. */
  readonly mailbox: string;
  /** Directory for large messages meanwhile, ours alone. */
  readonly spool: string;
  /** `maildir`: the user's own `~/Maildir` instead. */
  readonly format: Place['format'];
  /** How long one deposit may take, in milliseconds. */
  readonly timeout: number;
  /** Uid of this process: without root it can deposit for nobody else. */
  readonly self: number;
}

/** What a deposit needs of the machine. */
export interface DepositTools {
  readonly launcher: Launcher;
  readonly users: Users;
  /** Number of the group that may write to the directory of mboxes; null: there is none. */
  readonly mailGroup: () => Promise<number | null>;
  readonly log: Log;
}

/**
 * Put mail into mailboxes, as a hand does. What is for nobody on this machine goes to the job's user, or waits: then
 * these recipients are refused for now.
 */
export type Deposit = (
  mail: Outgoing,
  strangers?: 'to the owner' | 'later',
) => Promise<readonly Refused[]>;

/** Each is a Node of its own: not more of them at once. */
const AT_ONCE = 4;

/** How long others are waited for who hold a mailbox, in milliseconds; then the mail waits somewhere else. */
const PATIENCE = 10_000;

/** A mailbox that gets the mail, and the recipients who are reached, or stood in for, by that. */
interface Delivery {
  readonly user: User;
  readonly recipients: string[];
  /** Those whose mail comes here because there is no way to them. */
  readonly strangers: string[];
}

/**
 * Put mail into the mailboxes of its recipients. Where a recipient is nobody's name on this machine, the mailbox of
 * the job's user gets the mail, and a header field says for whom it was; or that recipient waits for a mailer. Every
 * failure may pass: a lock ends, a disk gets room, an administrator removes what is in the way.
 */
export function depositIn(settings: DepositSettings, tools: DepositTools): Deposit {
  const takeTurns = takingTurns(AT_ONCE);
  return async (mail, strangers = 'to the owner') => {
    const refused: Refused[] = [];
    const deliveries = new Map<string, Delivery>();
    for (const recipient of mail.recipients) {
      try {
        const found = await findUser(recipient, settings, tools);
        if (found === null && strangers === 'later') {
          const why = `${recipient} is not on this machine, and there is no mailer`;
          refused.push({ recipient, reason: why, permanent: false });
          continue;
        }
        const user = found ?? mail.user;
        const delivery = deliveries.get(user.name) ?? { user, recipients: [], strangers: [] };
        deliveries.set(user.name, delivery);
        delivery.recipients.push(recipient);
        if (found === null) delivery.strangers.push(recipient);
      } catch (error) {
        refused.push({ recipient, reason: reason(error), permanent: false });
      }
    }
    const outcomes = [...deliveries.values()].map(async (delivery) => {
      const put = (): Promise<string | null> => deposit(mail, delivery, settings, tools);
      const trouble = await takeTurns(delivery.user.name, put);
      if (trouble === null) return tellOfStrangers(mail, delivery, tools.log);
      for (const recipient of delivery.recipients)
        refused.push({ recipient, reason: trouble, permanent: false });
    });
    await Promise.all(outcomes);
    return refused;
  };
}

/** The user whose name a recipient is. Null: nobody's, or of somebody whose mailbox is not for us to write to. */
export async function findUser(
  recipient: string,
  { self }: Pick<DepositSettings, 'self'>,
  { users }: Pick<DepositTools, 'users'>,
): Promise<User | null> {
  const name = localName(recipient, hostNames());
  if (name === null) return null;
  const user = (await users.find(name)) ?? (await users.find(name.toLowerCase()));
  return user !== null && (self === 0 || user.uid === self) ? user : null;
}

/** Deposit in one mailbox; what was in the way, or null. */
async function deposit(
  mail: Outgoing,
  { user, strangers }: Delivery,
  { program, mailbox, format, spool, timeout }: DepositSettings,
  { launcher, mailGroup }: DepositTools,
): Promise<string | null> {
  const place = format === 'mbox' ? join(mailbox, user.name) : join(user.home, 'Maildir');
  const sender = senderOf(mail);
  const [file, ...words] = [...program, format, place, `${PATIENCE}`, sender].map(fromText);
  try {
    checkOwn(program);
    const group = format === 'mbox' ? await mailGroup() : null;
    const letter = {
      ...mail,
      user: { ...(group === null ? user : withGroup(user, group)), home: '/' },
      head: headFor(mail.head, strangers),
    };
    const args = { program: file ?? '', words: [file ?? '', ...words], reads: 'message' } as const;
    const handed = await pipeMail(letter, { args, spool, timeout }, launcher);
    const { exit, read, timedOut, said } = handed;
    if (exit.code === 0 && read) return null;
    if (timedOut) return `the mailbox was not written within ${timeout / 1000} s`;
    return said === '' ? `it ended with ${exit.signal ?? `status ${exit.code}`}` : said;
  } catch (error) {
    return reason(error);
  }
}

/** For the line before an mbox's mail; what nobody is told of comes from the name that every reader knows for it. */
function senderOf({ sender }: Outgoing): string {
  if (sender === '') return 'MAILER-DAEMON';
  return sender.includes('@') ? sender : `${sender}@${hostname()}`;
}

/** The user, in this group above all: it owns what is made, and no program of the user's can trace such a process. */
function withGroup(user: User, gid: number): User {
  return { ...user, gid, groups: [...new Set([gid, ...user.groups])] };
}

/** Name those who are not reached, below all that the head has. */
function headFor(head: string, strangers: readonly string[]): string {
  const names = strangers.map((name) => name.replaceAll(/[^!-~]/g, '?'));
  const fields = names.map((name) => `X-Cron-Not-Sent-To: ${name}\n`);
  return `${head.replace(/\n$/, '')}${fields.join('')}\n`;
}

function tellOfStrangers(mail: Outgoing, { user, strangers }: Delivery, log: Log): void {
  if (strangers.length === 0) return;
  const names = strangers.join(', ');
  const detail = `not sent to ${names}: not on this machine; it is in the mailbox of ${user.name}`;
  const about = { user: mail.user.name, run: mail.run };
  log(mail.user.name, 'MAIL', detail, { level: 'error', tag: 'CRON', about });
}
