/** MAILCMD, MAILARGS and `[mail] mailer` → who a mailer is, how it is called, and a hand that gives it mails. */
import { existsSync } from 'node:fs';
import { fromText } from '../system/bytes.ts';
import { EXIT, Failure } from '../system/failure.ts';
import type { Hand, Outgoing, Refused } from '../system/outgoing.ts';
import type { Launcher } from '../system/program.ts';
import { type Log, logAbout } from '../system/sink.ts';
import { systemUsers, type User, type Users } from '../system/users.ts';
import { detect } from './detect.ts';
import { type MailArgs, readMailArgs } from './mailargs.ts';
import { type Handed, pipeMail } from './pipe.ts';
import { pitfall } from './pitfalls.ts';
import {
  isPresetName,
  MAILERS,
  meaning,
  type Meaning,
  type PresetName,
  PRESETS,
} from './presets.ts';
import { refusedBy } from './refused.ts';

/** What the configuration says of a mailer that is a program. */
export interface ProgramSettings {
  readonly mailcmd: string;
  /** Undefined: as it suits the mailer. */
  readonly mailargs?: string | undefined;
  /** The name of a preset, or `auto`. */
  readonly mailer?: string | undefined;
  /** Who runs it, where it needs rights that the jobs' users do not have. */
  readonly mailer_user?: string | undefined;
}

/** A mailer as it is at this moment. */
export interface Mailer {
  readonly name: PresetName;
  readonly because: string;
  readonly args: MailArgs;
}

/**
 * Find out who the mailer is and how it is called.
 * @throws {Failure} with EXIT.CONFIG: it cannot be called so, or would send nothing
 */
export function chooseMailer(settings: ProgramSettings): Mailer {
  return mailerChooser(settings)();
}

/** The same for many mails, of which each asks: what only the settings decide is decided once. */
function mailerChooser(settings: ProgramSettings): () => Mailer {
  const { mailcmd, mailer = 'auto' } = settings;
  const wrong = (problem: string): Failure => new Failure(problem, { exit: EXIT.CONFIG });
  if (!MAILERS.includes(mailer))
    throw wrong(`[mail] mailer = "${mailer}" is none of ${MAILERS.join(', ')}`);
  const { program } = readMailArgs(mailcmd, '%s');
  const known = new Map<PresetName, MailArgs>();
  const argsFor = (name: PresetName): MailArgs => {
    const args = readMailArgs(mailcmd, settings.mailargs ?? PRESETS[name].args);
    const trap = pitfall(args, name);
    if (trap !== null) throw wrong(`MAILCMD and MAILARGS would lose mail: ${trap}`);
    known.set(name, args);
    return args;
  };
  return () => {
    const found = isPresetName(mailer) ? null : detect(program);
    const name = isPresetName(mailer) ? mailer : (found?.name ?? 'custom');
    const because = isPresetName(mailer)
      ? 'the configuration says so'
      : (found?.because ?? `nothing is known of ${program}`);
    return { name, because, args: known.get(name) ?? argsFor(name) };
  };
}

/** Check what can be checked before anything runs. */
export function checkProgram(settings: ProgramSettings, uid = process.geteuid?.()): void {
  chooseMailer(settings);
  if (settings.mailer_user !== undefined && uid !== 0)
    throw new Failure(
      `[mail] mailer_user is for root’s cron: only root can run a mailer as "${settings.mailer_user}"`,
      {
        exit: EXIT.CONFIG,
      },
    );
}

/** What became of a mail that was handed to a program. */
export interface Outcome {
  readonly means: Meaning;
  /** A sentence, for people; a byte string. */
  readonly why: string;
  /** Null: there is no such program. */
  readonly handed: Handed | null;
}

/** Where large messages lie meanwhile, and how long a mailer may take, in milliseconds. */
export interface Terms {
  readonly outbox: string;
  readonly timeout: number;
}

/** Hand a mail to a mailer, once. */
export async function handToMailer(
  mail: Outgoing,
  { name, args }: Mailer,
  terms: Terms,
  launcher: Launcher,
  as?: User,
): Promise<Outcome> {
  if (!existsSync(args.program))
    return { means: 'later', why: fromText(`there is no ${args.program}`), handed: null };
  const { outbox: spool, timeout } = terms;
  const way = { args, spool, timeout, ...(as !== undefined && { as }) };
  const handed = await pipeMail(mail, way, launcher);
  const { exit, read, said, timedOut } = handed;
  const means = exit.code === null ? 'later' : meaning(PRESETS[name], exit.code, said);
  const why = timedOut
    ? `the mailer did not end within ${timeout / 1000} s`
    : exit.signal !== null
      ? `the mailer was ended by ${exit.signal}`
      : exit.code !== 0
        ? `the mailer ended with status ${exit.code}`
        : 'the mailer did not read the message';
  return {
    means: means === 'taken' && !read ? 'later' : means,
    why: said === '' ? why : `${why}: ${said}`,
    handed,
  };
}

/** Make a hand of a mailer. */
export function programHand(
  settings: ProgramSettings & Terms,
  launcher: Launcher,
  log: Log,
  users: Users = systemUsers(),
): Hand {
  const choose = mailerChooser(settings);
  return async (mail) => {
    // Looked at each time: another mail system may be installed by now.
    const mailer = choose();
    const as = await mailerUser(settings, users);
    const once = async (one: Outgoing): Promise<readonly Refused[]> => {
      const { means, why, handed } = await handToMailer(one, mailer, settings, launcher, as);
      tell(one, { means, why, handed }, logAbout(log, { user: one.user.name, run: one.run }));
      if (means === 'taken') return [];
      const permanent = means === 'permanent';
      return one.recipients.map((recipient) => ({ recipient, reason: why, permanent }));
    };
    const { several } = PRESETS[mailer.name];
    const isOne = mail.recipients.length < 2;
    if (several !== 'one by one' || isOne) {
      const refused = await once(mail);
      const isOver = isOne || several === undefined || !refused.some(({ permanent }) => permanent);
      if (isOver) return refused;
    }
    const refused: Refused[] = [];
    for (const recipient of mail.recipients)
      // What goes wrong with one of them is no reason to send it to the others twice.
      refused.push(...(await refusedBy(once, { ...mail, recipients: [recipient] })));
    return refused;
  };
}

async function mailerUser(
  { mailer_user: name }: ProgramSettings,
  users: Users,
): Promise<User | undefined> {
  if (name === undefined) return undefined;
  const user = await users.find(name);
  if (user === null) throw new Error(`there is no user "${name}" ([mail] mailer_user)`);
  return user;
}

/** Log what Debian's cron logs of a mailer that fails. */
function tell(mail: Outgoing, { means, handed }: Outcome, log: Log): void {
  if (handed === null) {
    log('CRON', 'info', 'No MTA installed, keeping output', { tag: 'CRON' });
    return;
  }
  const { exit, read } = handed;
  if (exit.code === 0 && read) return;
  const status = exit.code ?? 0xffffffff; // Debian's cron prints -1 for a mailer that a signal ended
  const plural = mail.size === 1 ? '' : 's';
  const detail = `mailed ${mail.size} byte${plural} of output but got status 0x${status.toString(16).padStart(4, '0')} from MTA`;
  if (means === 'taken')
    log(mail.user.name, 'MAIL', `${detail}, which has taken it all the same`, { tag: 'CRON' });
  else log(mail.user.name, 'MAIL', detail, { level: 'error', tag: 'CRON' });
}
