/** cronctl mail-test: one mail, sent as cron would send it, and each step of that in plain words. */
import { recipients } from '../core/address.ts';
import { checkMailSettings } from '../mail/mailer.ts';
import { isRelay } from '../mail/relay.ts';
import { fromText, toText } from '../system/bytes.ts';
import type { Config } from '../system/config.ts';
import { configuration } from '../system/defaults.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { getpwuid } from '../system/libc/names.ts';
import type { Outgoing } from '../system/outgoing.ts';
import { systemUsers, type User } from '../system/users.ts';
import { longOptions, type Options } from './longs.ts';
import { toMailbox } from './mailtest/mailbox.ts';
import { compose } from './mailtest/message.ts';
import { type Report, toProgram } from './mailtest/program.ts';
import type { PlainReport } from './mailtest/refusals.ts';
import { toRelay } from './mailtest/relay.ts';
import { line, type Tell } from './mailtest/steps.ts';
import { print } from './terminal.ts';

const USAGE = `usage:\tcronctl mail-test [ADDRESS] [--user USER] [--mailcmd COMMAND] [--mailargs FORMAT]
\t\t[--json] [--config FILE]

\tADDRESS\t(as in MAILTO; the user, if there is none)
\t--user USER\t(as if a job of this user had printed; for root)
\t--mailcmd COMMAND, --mailargs FORMAT\t(as MAILCMD and MAILARGS)
\t--json\t(one object)
\t--config FILE\t(read this file and not /etc/mailcron.toml)`;

const NAMES = ['user:', 'mailcmd:', 'mailargs:', 'json', 'config:', 'help'];

/** Send one; returns the exit status: 0 taken, 75 not now, 1 refused. */
export async function mailTest(args: readonly string[]): Promise<number> {
  const { options, operands } = longOptions(args, NAMES, '', USAGE);
  if (options.has('help')) return (await print(Buffer.from(`${USAGE}\n`))) ? EXIT.OK : EXIT.FAILURE;
  if (operands.length > 1) throw misused(`there is one ADDRESS, and "${operands[1]}" is another`);
  const { config, mailcmd, mailargs } = Object.fromEntries(options);
  const settings = await configuration({ config, mailcmd, mailargs }, process.env);
  checkMailSettings(settings.mail);
  const user = await chooseUser(options);
  const mail = compose(user, chooseRecipients(operands[0], user));
  const tell = options.has('json') ? async (): Promise<void> => {} : line;
  await tell('message', `to ${mail.recipients.map(toText).join(', ')}, from a job of ${user.name}`);
  const report = await send(mail, settings, tell);
  if (options.has('json')) await print(Buffer.from(`${JSON.stringify(report)}\n`));
  return STATUS[report.means];
}

async function send(mail: Outgoing, config: Config, tell: Tell): Promise<Report | PlainReport> {
  const { mailcmd } = config.mail;
  if (mailcmd === 'mailbox:') return toMailbox(mail, config, tell);
  return isRelay(mailcmd) ? toRelay(mail, config, tell) : toProgram(mail, config, tell);
}

const STATUS = { taken: EXIT.OK, later: EXIT.TEMPORARY, permanent: EXIT.FAILURE } as const;

function misused(problem: string): Failure {
  return new Failure(`usage error: ${problem}\n${USAGE}`, { exit: EXIT.USAGE });
}

async function chooseUser(options: Options): Promise<User> {
  const self = process.geteuid?.() ?? -1;
  const name = options.get('user') ?? getpwuid(self)?.name;
  if (name === undefined)
    throw new Failure(`uid ${self} has no name in the user database`, { exit: EXIT.NO_USER });
  const user = await systemUsers().find(name);
  if (user === null) throw new Failure(`user "${name}" unknown`, { exit: EXIT.NO_USER });
  if (self !== 0 && user.uid !== self)
    throw new Failure('only root can test as another user', { exit: EXIT.NO_PERMISSION });
  return user;
}

function chooseRecipients(address: string | undefined, user: User): readonly string[] {
  if (address === undefined) return [fromText(user.name)];
  const parsed = recipients(fromText(address));
  if (!parsed.ok) throw misused(parsed.fault.message);
  if (parsed.value.length === 0) throw misused('the ADDRESS is empty: that means no mail');
  return parsed.value;
}
