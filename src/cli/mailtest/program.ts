/** A test's mail → a mailer program, and what became of it there. */
import { tmpdir } from 'node:os';
import { mailerArgv } from '../../mail/mailargs.ts';
import { PRESETS } from '../../mail/presets.ts';
import { chooseMailer, handToMailer, type Mailer, type Outcome } from '../../mail/program.ts';
import { systemLauncher } from '../../run/launcher.ts';
import { toText } from '../../system/bytes.ts';
import type { Config } from '../../system/config.ts';
import { EXIT, Failure } from '../../system/failure.ts';
import type { Outgoing } from '../../system/outgoing.ts';
import { sealDescriptors } from '../../system/process.ts';
import { systemUsers, type User } from '../../system/users.ts';
import { advice } from '../advice.ts';
import type { Tell } from './steps.ts';

/** What a test with a program has found out. */
export interface Report {
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

/** Hand it over as the daemon would. */
export async function toProgram(
  mail: Outgoing,
  { mail: settings }: Config,
  tell: Tell,
): Promise<Report> {
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
  if (outcome.handed !== null) await tellEnd(outcome.handed, seconds, tell);
  const verdict = { taken: 'taken', later: 'not now', permanent: 'refused' }[report.means];
  const why = report.means === 'taken' ? '' : `: ${report.why.replace(/\n[^]*/, '')}`;
  await tell('result', `${verdict}${why}`);
  for (const one of report.advice) await tell('advice', one);
  return report;
}

/** Tell how the program ended. */
async function tellEnd(
  { exit, read, said }: NonNullable<Outcome['handed']>,
  seconds: string,
  tell: Tell,
): Promise<void> {
  const end = exit.signal === null ? `with status ${exit.code}` : `by ${exit.signal}`;
  await tell('end', `${end} after ${seconds} s; ${read ? 'it has' : 'it has not'} read all`);
  if (said !== '') await tell('it said', said);
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
