/** A due entry → the firing that a runner is handed: its identity, its key, its name. */
import { createHash } from 'node:crypto';
import type { Visit } from '../core/clock.ts';
import type { Entry } from '../core/entry.ts';
import { isWild } from '../core/schedule.ts';
import { settingsOf } from '../core/settings.ts';
import { toText } from '../system/bytes.ts';
import type { About } from '../system/sink.ts';
import type { Firing } from './protocol.ts';

/** The entry, by crontab and text: the same across reloads, restarts and upgrades. */
export function identityOf(label: string, entry: Entry): string {
  const [key = '', before = '0'] = entry.identity.split('\n'); // hashed as ever: journals hold it
  const text = `${label}\0${before} ${key}`;
  return createHash('sha256').update(text, 'latin1').digest('base64url').slice(0, 22);
}

/**
 * Make the firing of an entry.
 * @param label of its crontab
 * @param owner of its crontab; null: the entry names its user
 * @param instant what it may start for once
 * @param late made up for: one after the other
 * @param scheduled see Firing
 */
export function firingOf(
  label: string,
  owner: string | null,
  entry: Entry,
  instant: string,
  late = false,
  scheduled?: string,
): Firing {
  const identity = identityOf(label, entry);
  const { command, stdin, environment, flags } = entry;
  const { mailSuccess, timeout, overlap, limits } = settingsOf(environment);
  return {
    key: `${identity}@${instant}`,
    identity,
    run: runName(),
    user: entry.user === null ? (owner ?? '') : toText(entry.user),
    command,
    stdin,
    environment,
    quiet: flags.quiet,
    mailSuccess: flags.mailOnFailure ? 'never' : mailSuccess,
    timeout,
    ...(Object.values(limits).some((limit) => limit > 0) && { limits }),
    overlap: late ? 'queue' : flags.single ? 'skip' : overlap,
    ...(scheduled !== undefined && { scheduled }),
    origin: { crontab: label, line: entry.line, text: lineOf(entry) },
  };
}

/**
 * The instant of a visit, for that entry: a wild entry runs once for each minute that passes, a
 * fixed one once for each minute that the clocks on the wall show.
 */
export function instantOf(visit: Visit, entry: Entry): string {
  return isWild(entry.schedule) ? `${visit.utc}` : `local-${visit.local}`;
}

/** Bytes of a line by which people recognise it. */
const SHOWN = 200;

/** As much of a command as people recognise it by. */
export function shown(command: string): string {
  return toText(command.slice(0, SHOWN));
}

/** The line of an entry: its identity has it, before the number that tells it from equal ones. */
function lineOf({ identity }: Entry): string {
  const [line = ''] = identity.split('\n', 1);
  return shown(line);
}

/** What a line of the log tells of it besides its words. */
export function aboutOf({ user, identity, run, origin }: Firing): About {
  return {
    user,
    entry: identity,
    ...(origin !== undefined && { crontab: origin.crontab, line: origin.line }),
    run,
  };
}

/** What its background children print when its mail is on the way: a run of its own. */
export function lateOf(firing: Firing): Firing {
  return { ...firing, run: `${firing.run}${LATE_RUN}`, key: `${firing.key}${LATE_KEY}` };
}

/** Know such a run. */
export function isLate({ key }: Firing): boolean {
  return key.endsWith(LATE_KEY);
}

const LATE_RUN = '-late';
const LATE_KEY = '/late';

let count = 0;

/** A name that no other run has: when, by which scheduler, the how-manieth. */
function runName(): string {
  return `${Date.now().toString(36)}-${process.pid}-${(++count).toString(36)}`;
}
