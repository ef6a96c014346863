/** A mail of cron-sendmail → whoever answers for it from now on. */
import { findUser } from '../mail/deposit.ts';
import { hostNames, localPart } from '../mail/local.ts';
import { systemLauncher } from '../run/launcher.ts';
import { toText } from '../system/bytes.ts';
import type { Config } from '../system/config.ts';
import { EXIT, reason } from '../system/failure.ts';
import type { Outgoing, Refused } from '../system/outgoing.ts';
import { sealDescriptors } from '../system/process.ts';
import { systemUsers } from '../system/users.ts';
import { mailboxes, mailboxSettings } from './mailboxes.ts';

/** A recipient whom a mail did not reach, and the exit status that says so. */
export interface Unreached extends Refused {
  readonly exit: number;
}

/** Why a name of this machine gets no mail. */
export const NO_SUCH_USER = {
  reason: 'there is no such user on this machine',
  permanent: true,
  exit: EXIT.NO_USER,
} as const;

/** Hears what happens (`-v`). */
export type Tell = (text: string) => void;

/**
 * Bring a mail on its way, by this process itself: into the mailboxes that its caller may write to.
 * @param temporary directory for a large one meanwhile
 * @returns whom it did not reach
 */
export async function handOn(
  mail: Outgoing,
  config: Config,
  temporary: string,
  tell: Tell,
): Promise<readonly Unreached[]> {
  const self = process.geteuid?.() ?? -1;
  const users = systemUsers();
  const ours: string[] = [];
  const refused: Unreached[] = [];
  const hosts = hostNames();
  for (const recipient of mail.recipients) {
    const refuse = (why: string): unknown =>
      refused.push({ recipient, reason: why, permanent: false, exit: EXIT.TEMPORARY });
    try {
      const user = await findUser(recipient, { self: 0 }, { users });
      if (user !== null && (self === 0 || user.uid === self)) ours.push(recipient);
      else if (user !== null) refuse(NOT_OURS);
      else if (localPart(recipient, hosts) === null) refuse(NO_WAY);
      else refused.push({ recipient, ...NO_SUCH_USER });
    } catch (error) {
      refuse(reason(error));
    }
  }
  if (ours.length === 0) return refused;
  sealDescriptors();
  const launcher = systemLauncher(self, config.jobs.nofile);
  const settings = { ...mailboxSettings(config), spool: temporary };
  const deposit = mailboxes(settings, { launcher, users, log: () => {} });
  const failed = await deposit({ ...mail, recipients: ours });
  for (const recipient of ours)
    if (!failed.some((one) => one.recipient === recipient))
      tell(`${toText(recipient)}: put into the mailbox`);
  return [...refused, ...failed.map((one) => ({ ...one, exit: EXIT.TEMPORARY }))];
}

const NO_WAY = 'no cron is running that takes it from this user to another machine';
const NOT_OURS = 'no cron is running, and an ordinary user can write to no mailbox but their own';
