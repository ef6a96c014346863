/** A run whose runner died → the mail that says so, with what was captured of its output. */
import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { type Environment, jobEnvironment } from '../core/environment.ts';
import { fromText, toText } from '../system/bytes.ts';
import { reason } from '../system/failure.ts';
import type { Deliver } from '../system/outgoing.ts';
import type { MailFate } from '../system/record.ts';
import { type Log, logAbout } from '../system/sink.ts';
import type { User, Users } from '../system/users.ts';
import { aboutOf, isLate } from './firing.ts';
import { ITSELF } from './ending.ts';
import { closeGap } from './gap.ts';
import type { JournalLine } from './journal.ts';
import { piecesOf } from './output.ts';
import type { LostRun } from './protocol.ts';
import { outcomeOf, type Recorder } from './recorder.ts';
import { ending, type Letterhead, report } from './report.ts';
import type { Keep } from './shelf.ts';

interface LostTools {
  readonly users: Users;
  readonly log: Log;
  readonly deliver: Deliver;
  readonly recorder: Recorder;
  readonly letterhead: Letterhead;
  readonly outputFile: (run: string) => string;
  readonly keepLong: Keep;
  /** The daemon's variables that jobs get. */
  readonly passed: Environment;
}

const ERROR = { level: 'error', tag: 'CRON' } as const;
const LAST_SECOND = 'cron: what it printed in its last second before that, and after, is lost.\n';

const MISSING = (count: number): string =>
  `cron: ${count} bytes of its output could not be kept.\n`;

const TWICE =
  'cron: its mail was on its way just then, and may come to you a second time by this one.\n';

const KILLED = (by: string): string =>
  by === ITSELF
    ? 'cron: cron had been stopped, and had sent it a signal (--stop-jobs).\n'
    : `cron: ${by} had sent it a signal (cronctl kill).\n`;

const MIDDLE = (count: number): string =>
  `cron: ${count} bytes in the middle of it are left out ([jobs] max_output).\n`;

/** What the journal of who reports it says of it: all that the dead one's did. */
export function linesOf(lost: LostRun): JournalLine[] {
  const { firing, exit, bytes, mailing = false, killedBy, at = Date.now() } = lost;
  const { run } = firing;
  const lines: JournalLine[] = [{ fire: firing, at }];
  // With which signal is of no use any more.
  if (killedBy !== undefined) lines.push({ kill: run, by: killedBy, signal: 'SIGTERM' });
  if (exit !== null) lines.push({ end: run, exit, bytes });
  if (mailing) lines.push({ mailing: run });
  return lines;
}

/** Log and mail what is known of it; false: nobody has taken the mail, what is there stays there. */
export async function mailLost(lost: LostRun, tools: LostTools): Promise<boolean> {
  const { firing, exit, bytes, mailing = false, posted = false, killedBy } = lost;
  const log = logAbout(tools.log, {
    ...aboutOf(firing),
    ...(exit !== null && { exit: exit.code, signal: exit.signal }),
  });
  const file = tools.outputFile(firing.run);
  let omitted: number;
  try {
    omitted = await tidied(file);
  } catch (error) {
    log(firing.user, 'ERROR', `not mailed: ${reason(error)}`, ERROR);
    return false;
  }
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  const body = { size, chunks: (from = 0, to = size) => piecesOf(file, from, to) };
  const write = await tools.recorder.prepare(firing, body);
  const settle = (mail?: MailFate): true => {
    const outcome = isLate(firing) ? 'late' : exit === null ? 'unknown' : outcomeOf(exit);
    const started = lost.at ?? null;
    write({
      outcome,
      exit,
      started,
      ended: null,
      bytes: size,
      ...(mail !== undefined && { mail }),
    });
    rmSync(file, { force: true });
    return true;
  };
  if (posted) return settle('outbox');
  const how = exit === null ? 'its outcome is unknown' : `it ${ending(exit)}`;
  const kept = `${size} bytes of output were kept`;
  const twice = mailing ? '; its mail may be sent twice' : '';
  const detail = `${toText(firing.command)}: its runner died; ${how}, ${kept}${twice}`;
  log(firing.user, 'LOST', detail, ERROR);

  let user: User | null;
  try {
    user = await tools.users.find(firing.user);
  } catch (error) {
    log(firing.user, 'ERROR', `not mailed: ${reason(error)}`, ERROR);
    return false;
  }
  if (user !== null) {
    const missing = exit === null ? LAST_SECOND : size < bytes ? MISSING(bytes - size) : '';
    const facts = {
      firing,
      user,
      exit,
      at: Date.now(),
      duration: null,
      isLost: true,
      environment: jobEnvironment(
        [],
        firing.environment,
        fromText(user.name),
        fromText(user.home),
        tools.passed,
      ).cron,
      preface: `cron: the process that watched this job died; ${how}.\n${killedBy === undefined ? '' : fromText(KILLED(killedBy))}${mailing ? TWICE : ''}${missing}${omitted > 0 ? MIDDLE(omitted) : ''}\n`,
      body,
      keep: (name: string) => tools.keepLong(file, name),
    };
    try {
      const mail = await report(facts, tools.letterhead, log);
      if (mail !== null && !(await tools.deliver(mail))) return false;
    } catch (error) {
      log(firing.user, 'ERROR', `not mailed: ${reason(error)}`, ERROR);
      return false;
    }
  }
  return settle();
}

/** Let the tail of a long output follow its head, as its own runner would have; how much is missing. */
async function tidied(file: string): Promise<number> {
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return 0;
  const fd = openSync(file, 'r+');
  try {
    return await closeGap(fd);
  } finally {
    closeSync(fd);
  }
}
