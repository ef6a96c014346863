/** A mail of cron-sendmail → whoever answers for it from now on. */
import { findUser } from '../mail/deposit.ts';
import { hostNames, localPart } from '../mail/local.ts';
import type { Postman } from '../mail/postman.ts';
import { systemLauncher } from '../run/launcher.ts';
import { toText } from '../system/bytes.ts';
import type { Config } from '../system/config.ts';
import { EXIT, reason } from '../system/failure.ts';
import type { Outgoing, Refused } from '../system/outgoing.ts';
import { sealDescriptors } from '../system/process.ts';
import type { Launcher } from '../system/program.ts';
import { systemUsers, type User } from '../system/users.ts';
import { mailboxes, mailboxSettings, type MailboxSettings } from './mailboxes.ts';
import { openPostman } from './relay.ts';

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
 * Bring a mail on its way, by this process itself: to the relay, as cron would, or into the mailboxes that its caller
 * may write to.
 * @param temporary directory for a large one meanwhile
 * @returns whom it did not reach
 * @throws {Failure} with EXIT.CONFIG
 */
export async function handOn(
  mail: Outgoing,
  config: Config,
  temporary: string,
  tell: Tell,
): Promise<readonly Unreached[]> {
  const self = process.geteuid?.() ?? -1;
  sealDescriptors();
  const launcher = systemLauncher(self, config.jobs.nofile);
  const postman = findPostman(mail.user, config, launcher);
  if (postman !== null) return toRelay(mail, postman, tell);
  return toMailboxes(mail, { ...mailboxSettings(config), spool: temporary }, launcher, tell);
}

/** A postman of the caller's own, who may be a number without a name; root's is that of the configuration. */
function findPostman(caller: User, { mail }: Config, launcher: Launcher): Postman | null {
  if (mail.mailcmd === 'mailbox:') return null;
  if (caller.uid === 0) return openPostman(mail, systemUsers(), launcher);
  return openPostman(mail, { find: () => Promise.resolve(caller) }, launcher, caller.name);
}

async function toRelay(
  mail: Outgoing,
  postman: Postman,
  tell: Tell,
): Promise<readonly Unreached[]> {
  const failed = await postman.hand(mail);
  await postman.close();
  tellOfOthers(mail.recipients, failed, `taken by ${postman.relay.name}`, tell);
  return failed.map((one) => ({
    ...one,
    exit: one.permanent ? EXIT.UNAVAILABLE : EXIT.TEMPORARY,
  }));
}

async function toMailboxes(
  mail: Outgoing,
  settings: MailboxSettings,
  launcher: Launcher,
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
  const deposit = mailboxes(settings, { launcher, users, log: () => {} });
  const failed = await deposit({ ...mail, recipients: ours });
  tellOfOthers(ours, failed, 'put into the mailbox', tell);
  return [...refused, ...failed.map((one) => ({ ...one, exit: EXIT.TEMPORARY }))];
}

/** Tell of those who were not refused. */
function tellOfOthers(
  recipients: readonly string[],
  failed: readonly Refused[],
  what: string,
  tell: Tell,
): void {
  for (const recipient of recipients)
    if (!failed.some((one) => one.recipient === recipient)) tell(`${toText(recipient)}: ${what}`);
}

const NO_WAY =
  'no cron is running that takes it from this user to another machine, and there is no relay';
const NOT_OURS = 'no cron is running, and an ordinary user can write to no mailbox but their own';
