/** The configuration → the rounds of the outbox: what waits is tried in the way that the runners go, or by the postman. */
import { userInfo } from 'node:os';
import { chooseHand } from '../mail/mailer.ts';
import { Rounds, type RoundsTools } from '../mail/rounds.ts';
import { systemLauncher } from '../run/launcher.ts';
import type { Config } from '../system/config.ts';
import type { Log } from '../system/sink.ts';
import type { Users } from '../system/users.ts';
import { mailSettings } from './instructions.ts';
import { mailboxes, mailboxSettings } from './mailboxes.ts';
import { openPostman } from './relay.ts';

/** The rounds, and the end of them and of who went them. */
export interface Outbound {
  readonly rounds: Rounds;
  close(): Promise<void>;
}

/** How long the outcome of the last mails may take to get to the disk, in milliseconds. */
const WRITING = 1000;

/** Make the rounds; nothing is looked at before they are opened. */
export function makeRounds(
  config: Config,
  users: Users,
  log: Log,
  onLater: NonNullable<RoundsTools['onLater']>,
): Outbound {
  const mail = mailSettings(config);
  const uid = process.geteuid?.() ?? 0;
  const launcher = systemLauncher(uid, config.jobs.nofile);
  const deposit = mailboxes(mailboxSettings(config), { launcher, users, log });
  const own = uid === 0 ? undefined : userInfo().username;
  const postman = openPostman(config.mail, users, launcher, own);
  const relay = postman === null ? {} : { relay: postman.hand };
  const rounds = new Rounds({
    ...mail,
    now: () => Date.now(),
    hand: chooseHand(mail, { launcher, log, deposit, ...relay }),
    deposit,
    users,
    log,
    onLater,
  });
  const close = async (): Promise<void> => {
    await Promise.all([rounds.close(), postman?.close()]);
    await rounds.close(WRITING); // what the postman has brought at the last moment
  };
  return { rounds, close };
}
