/** A test's mail → a relay, or what that says to it. */
import { systemLauncher } from '../../run/launcher.ts';
import { toText } from '../../system/bytes.ts';
import type { Config } from '../../system/config.ts';
import type { Outgoing } from '../../system/outgoing.ts';
import { sealDescriptors } from '../../system/process.ts';
import { systemUsers } from '../../system/users.ts';
import { openPostman } from '../relay.ts';
import { plainReport, type PlainReport } from './refusals.ts';
import type { Tell } from './steps.ts';

/** Send it as the daemon would, with a postman of its own. */
export async function toRelay(
  mail: Outgoing,
  { mail: settings }: Config,
  tell: Tell,
): Promise<PlainReport> {
  const own = process.geteuid?.() === 0 ? undefined : mail.user.name;
  sealDescriptors();
  const launcher = systemLauncher(process.geteuid?.() ?? 0, 1024);
  const postman = openPostman(settings, systemUsers(), launcher, own);
  if (postman === null) throw new Error(`"${settings.mailcmd}" is no relay`);
  const { name, protocol, security } = postman.relay;
  await tell('relay', `${name} by ${protocol.toUpperCase()}, security ${security}`);
  const user = own ?? settings.smtp.run_as;
  await tell('postman', `as ${user}`);
  const refused = await postman.hand(mail);
  await postman.close();
  for (const { recipient, reason: why, permanent } of refused)
    await tell(
      'result',
      `${permanent ? 'refused' : 'not now'}, ${toText(recipient)}: ${toText(why)}`,
    );
  const taken = mail.recipients.length - refused.length;
  if (taken > 0) await tell('result', `taken, for ${taken} of ${mail.recipients.length}`);
  return plainReport('relay', user, mail, settings.mailcmd, refused);
}
