/** A mail of cron-sendmail → whoever answers for it from now on. */
import { findUser } from '../mail/deposit.ts';
import { systemLauncher } from '../run/launcher.ts';
import { toText } from '../system/bytes.ts';
import type { Config } from '../system/config.ts';
import { reason } from '../system/failure.ts';
import type { Outgoing, Refused } from '../system/outgoing.ts';
import { sealDescriptors } from '../system/process.ts';
import { systemUsers } from '../system/users.ts';
import { mailboxes, mailboxSettings } from './mailboxes.ts';

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
): Promise<readonly Refused[]> {
  const self = process.geteuid?.() ?? -1;
  const users = systemUsers();
  const ours: string[] = [];
  const refused: Refused[] = [];
  for (const recipient of mail.recipients) {
    const refuse = (why: string): unknown =>
      refused.push({ recipient, reason: why, permanent: false });
    try {
      const user = await findUser(recipient, { self }, { users });
      if (user === null) refuse(self === 0 ? NOBODY : NOT_OURS);
      else ours.push(recipient);
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
  return [...refused, ...failed];
}

const NOBODY = 'there is no such user on this machine, and no way to another one';
const NOT_OURS =
  'an ordinary user can write to no mailbox but their own, and there is no other way';
