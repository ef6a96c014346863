/** cronctl mail-test: one mail, sent as cron would send it, and each step of that in plain words. */
import { hostname, tmpdir } from 'node:os';
import { recipients } from '../core/address.ts';
import { composeHead } from '../core/message.ts';
import { mailerArgv } from '../mail/mailargs.ts';
import { checkMailSettings } from '../mail/mailer.ts';
import { PRESETS } from '../mail/presets.ts';
import { isRelay } from '../mail/relay.ts';
import { chooseMailer, handToMailer, type Mailer, type Outcome } from '../mail/program.ts';
import { systemLauncher } from '../run/launcher.ts';
import { fromText, toText } from '../system/bytes.ts';
import { type Config, readConfig } from '../system/config.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { codeset } from '../system/libc/locale.ts';
import { getpwuid } from '../system/libc/names.ts';
import type { Outgoing, Refused } from '../system/outgoing.ts';
import { sealDescriptors } from '../system/process.ts';
import { systemUsers, type User } from '../system/users.ts';
import { advice } from './advice.ts';
import { onOneLine } from './lines.ts';
import { longOptions, type Options } from './longs.ts';
import { mailboxes, mailboxSettings } from './mailboxes.ts';
import { openPostman } from './relay.ts';
import { print } from './terminal.ts';

const USAGE = `usage:\tcronctl mail-test [ADDRESS] [--user USER] [--mailcmd COMMAND] [--mailargs FORMAT]
\t\t[--json] [--config FILE]

\tADDRESS\t(as in MAILTO; the user, if there is none)
\t--user USER\t(as if a job of this user had printed; for root)
\t--mailcmd COMMAND, --mailargs FORMAT\t(as MAILCMD and MAILARGS)
\t--json\t(one object)
\t--config FILE\t(read this file and not /etc/mailcron.toml)`;

const NAMES = ['user:', 'mailcmd:', 'mailargs:', 'json', 'config:', 'help'];

/** What the test has found out. */
interface Report {
  readonly mailcmd: string;
  readonly mailer: string;
  readonly because: string;
  readonly argv: readonly string[];
  readonly user: string;
  readonly to: readonly string[];
  readonly status: number | null;
  readonly signal: string | null;
  readonly read: boolean;
  readonly said: string;
  readonly means: Outcome['means'];
  readonly why: string;
  readonly advice: readonly string[];
}

/** What is known where no program was run. */
interface PlainReport extends Pick<Report, 'mailcmd' | 'mailer' | 'user' | 'to' | 'means' | 'why'> {
  readonly refused: readonly Refused[];
}

/** Send one; returns the exit status: 0 taken, 75 not now, 1 refused. */
export async function mailTest(args: readonly string[]): Promise<number> {
  const { options, operands } = longOptions(args, NAMES, '', USAGE);
  if (options.has('help')) return (await print(Buffer.from(`${USAGE}\n`))) ? EXIT.OK : EXIT.FAILURE;
  if (operands.length > 1) throw misused(`there is one ADDRESS, and "${operands[1]}" is another`);
  const { config, mailcmd, mailargs } = Object.fromEntries(options);
  const settings = readConfig({ config, mailcmd, mailargs }, process.env);
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

/** Tell one step. */
type Tell = (step: string, text: string) => Promise<void>;

async function line(step: string, text: string): Promise<void> {
  const [first = '', ...rest] = text.split('\n').map(onOneLine);
  const indented = rest.map((more) => `${' '.repeat(WIDTH)}${more}\n`).join('');
  await print(Buffer.from(`${step.padEnd(WIDTH)}${first}\n${indented}`));
}

const WIDTH = 10;

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

/** What a job named "cronctl mail-test" would have printed. */
function compose(user: User, to: readonly string[]): Outgoing {
  const host = hostname();
  const text = `This is a test: mail of cron on ${host} comes to you.\n`;
  const body = Buffer.from(text);
  const run = `mail-test-${process.pid}`;
  const head = composeHead({
    user: fromText(user.name),
    host: fromText(host.replace(/\..*$/, '')),
    command: `cronctl mail-test, ${new Date().toISOString()}`,
    to: to.join(', '),
    environment: [],
    charset: codeset(),
    failed: false,
  });
  return {
    run,
    user,
    sender: fromText(user.name),
    recipients: to,
    head,
    size: body.length,
    async *chunks() {
      yield body;
    },
  };
}

async function toMailbox(mail: Outgoing, config: Config, tell: Tell): Promise<PlainReport> {
  sealDescriptors();
  const launcher = systemLauncher(process.geteuid?.() ?? 0, 1024);
  const log = (): void => {};
  const settings = { ...mailboxSettings(config), spool: tmpdir() };
  const refused = await mailboxes(settings, { launcher, users: systemUsers(), log })(mail);
  const report = plainReport('mailbox', mail.user.name, mail, config, refused);
  const results = {
    taken: 'written to a mailbox',
    later: `not now: ${report.why}`,
    permanent: `refused: ${report.why}`,
  };
  const result = results[report.means];
  await tell('result', `${result} (MAILCMD is "mailbox:")`);
  return report;
}

/** As the daemon would, with a postman of its own. */
async function toRelay(mail: Outgoing, config: Config, tell: Tell): Promise<PlainReport> {
  const { mail: settings } = config;
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
  return plainReport('relay', user, mail, config, refused);
}

function plainReport(
  mailer: string,
  user: string,
  { recipients: to }: Outgoing,
  config: Config,
  refused: readonly Refused[],
): PlainReport {
  const told = refused.map((one) => ({
    recipient: toText(one.recipient),
    reason: toText(one.reason),
    permanent: one.permanent,
  }));
  return {
    mailcmd: config.mail.mailcmd,
    mailer,
    user,
    to: to.map(toText),
    means: told.length === 0 ? 'taken' : told.some(lasts) ? 'permanent' : 'later',
    why: told.map(({ recipient, reason }) => `${recipient}: ${reason}`).join('; '),
    refused: told,
  };
}

const lasts = ({ permanent }: Refused): boolean => permanent;

async function toProgram(mail: Outgoing, { mail: settings }: Config, tell: Tell): Promise<Report> {
  const mailer = chooseMailer(settings);
  const { name, because, args } = mailer;
  const as = await runAs(settings.mailer_user, mail.user);
  const user = (as ?? mail.user).name;
  const argv = mailerArgv(args, { ...mail, charset: 'utf-8' }).map(toText);
  await tell('mailer', `${PRESETS[name].title} (${name}), because ${because}`);
  await tell('command', `${argv.map(shown).join(' ')}   as ${user}`);
  await tell('input', INPUT[args.reads]);
  sealDescriptors();
  const launcher = systemLauncher(process.geteuid?.() ?? 0, 1024);
  const terms = { outbox: tmpdir(), timeout: settings.timeout * 1000 };
  const begun = performance.now();
  const outcome = await handToMailer(mail, mailer, terms, launcher, as);
  const seconds = ((performance.now() - begun) / 1000).toFixed(2);
  const report = makeReport(settings.mailcmd, mailer, argv, user, mail, outcome);
  if (outcome.handed !== null) {
    const { exit, read, said } = outcome.handed;
    const end = exit.signal === null ? `with status ${exit.code}` : `by ${exit.signal}`;
    await tell('end', `${end} after ${seconds} s; ${read ? 'it has' : 'it has not'} read all`);
    if (said !== '') await tell('it said', said);
  }
  const verdict = { taken: 'taken', later: 'not now', permanent: 'refused' }[outcome.means];
  await tell(
    'result',
    outcome.means === 'taken' ? verdict : `${verdict}: ${report.why.replace(/\n[^]*/, '')}`,
  );
  for (const one of report.advice) await tell('advice', one);
  return report;
}

const INPUT = {
  message: 'the whole message',
  body: 'the body; its headers are arguments',
  text: 'the body as plain text; the mailer writes the headers',
} as const;

async function runAs(name: string | undefined, user: User): Promise<User | undefined> {
  if (name === undefined || name === user.name) return undefined;
  const as = await systemUsers().find(name);
  if (as === null) throw new Failure(`[mail] mailer_user "${name}" unknown`, { exit: EXIT.CONFIG });
  return as;
}

/** As one would type it. */
function shown(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

function makeReport(
  mailcmd: string,
  { name, because }: Mailer,
  argv: readonly string[],
  user: string,
  mail: Outgoing,
  outcome: Outcome,
): Report {
  const { handed, means, why } = outcome;
  return {
    mailcmd,
    mailer: name,
    because,
    argv,
    user,
    to: mail.recipients.map(toText),
    status: handed?.exit.code ?? null,
    signal: handed?.exit.signal ?? null,
    read: handed?.read ?? false,
    said: toText(handed?.said ?? ''),
    means,
    why: means === 'taken' ? '' : toText(why),
    advice: advice(name, outcome),
  };
}
