/** A test's mail → a mailbox of this machine, or what kept it from that. */
import { tmpdir } from 'node:os';
import { systemLauncher } from '../../run/launcher.ts';
import type { Config } from '../../system/config.ts';
import type { Outgoing } from '../../system/outgoing.ts';
import { sealDescriptors } from '../../system/process.ts';
import { systemUsers } from '../../system/users.ts';
import { mailboxes, mailboxSettings } from '../mailboxes.ts';
import { plainReport, type PlainReport } from './refusals.ts';
import type { Tell } from './steps.ts';

/** Write it as a runner would. */
export async function toMailbox(mail: Outgoing, config: Config, tell: Tell): Promise<PlainReport> {
  sealDescriptors();
  const launcher = systemLauncher(process.geteuid?.() ?? 0, 1024);
  const log = (): void => {};
  const settings = { ...mailboxSettings(config), spool: tmpdir() };
  const refused = await mailboxes(settings, { launcher, users: systemUsers(), log })(mail);
  const report = plainReport('mailbox', mail.user.name, mail, config.mail.mailcmd, refused);
  const results = {
    taken: 'written to a mailbox',
    later: `not now: ${report.why}`,
    permanent: `refused: ${report.why}`,
  };
  const result = results[report.means];
  await tell('result', `${result} (MAILCMD is "mailbox:")`);
  return report;
}
