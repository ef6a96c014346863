/** A line "schedule [user] command" → the entry it stands for. */

import { skipBlanks, skipWord } from './blank.ts';
import type { Environment } from './environment.ts';
import { quoted } from './escape.ts';
import type { Draw } from './field.ts';
import { fail, ok, type Parsed, type Warn } from './problem.ts';
import { parseSchedule, type Schedule } from './schedule.ts';

/** What is written before a command about logging, mail and overlap. */
export interface EntryFlags {
  /** "-" before the schedule, or -q: no CMD line in the log. */
  readonly quiet: boolean;
  /** -n: mail only if the job fails. */
  readonly mailOnFailure: boolean;
  /** -s: a single instance at a time. */
  readonly single: boolean;
}

/** One schedule line of a crontab. */
export interface Entry {
  readonly line: number;
  readonly schedule: Schedule;
  readonly flags: EntryFlags;
  /** Who runs it, in system crontabs; null is the tab's owner. */
  readonly user: string | null;
  /** What the shell gets: the text before the first "%", unescaped. */
  readonly command: string;
  /** What the job reads; null without a "%": an empty pipe. */
  readonly stdin: string | null;
  /** The assignments above it. */
  readonly environment: Environment;
  /** What tells it from every other entry of its crontab, also after an edit elsewhere. */
  readonly identity: string;
}

/** User tabs have no user column. */
export type CrontabKind = 'user' | 'system';

/** What a line tells by itself. */
export interface EntryLine extends Omit<Entry, 'line' | 'environment' | 'identity'> {
  /** Its schedule, user and command as they are written, but for the width of the blanks. */
  readonly key: string;
}

/** Read an entry; `privileged` crontabs, root's and the system's, may keep jobs out of the log. */
export function parseEntry(
  line: string,
  kind: CrontabKind,
  draw: Draw,
  privileged: boolean,
  warn: Warn = () => {},
): Parsed<EntryLine> {
  const start = skipBlanks(line, 0);
  const silent = line[start] === '-';
  if (silent && !privileged) {
    const message = 'Only root may keep a job out of the log with "-": write -q before the command';
    return fail(start + 1, 'bad option', message);
  }
  const from = silent ? start + 1 : start;
  const when = parseSchedule(line, from, draw, warn);
  if (!when.ok) return when;
  const { schedule, end } = when.value;
  if (line[end] === '*') return fail(end + 1, 'bad command', SIX_FIELDS);
  const who = kind === 'system' ? parseUser(line, end) : ok({ user: null, end });
  if (!who.ok) return who;
  const how = parseFlags(line, who.value.end, silent);
  if (!how.ok) return how;
  const { user } = who.value;
  if (how.value.end === line.length) {
    const after = user === null ? '' : ` after the user ${quoted(user)}`;
    return fail(line.length + 1, 'bad command', `There is no command${after}`);
  }
  const what = parseCommand(line, how.value.end);
  if (!what.ok) return what;
  const key = keyOf(line, from, end, user, how.value.end);
  const { command, stdin } = what.value;
  return ok({ schedule, flags: how.value.flags, user, command, stdin, key });
}

/** What an entry is known by; where the line has it as it stands, as a slice of it, which costs no memory. */
function keyOf(
  line: string,
  from: number,
  end: number,
  user: string | null,
  command: number,
): string {
  const times = line.slice(from, end); // ends in a blank
  if (user === null && command === end && !times.includes('\t') && !times.includes('  '))
    return line.slice(from);
  return `${times.replaceAll(/[ \t]+/g, ' ')}${user === null ? '' : `${user} `}${line.slice(command)}`;
}

const SIX_FIELDS =
  'A "*" cannot begin a command: there are five time fields, and this looks like a sixth';

interface User {
  readonly user: string | null;
  readonly end: number;
}

/** Read the user column; whether there is such a user is for others to say, and may change. */
function parseUser(line: string, start: number): Parsed<User> {
  const stop = skipWord(line, start);
  const user = line.slice(start, stop);
  const no = (message: string): Parsed<never> => fail(start + 1, 'bad username', message);
  if (user === '') return no('A system crontab needs a user before the command');
  if (user.startsWith('/')) return no(`${quoted(user)} is no user: name one before the command`);
  if (user.startsWith('-')) return no('Flags stand after the user, before the command');
  if (user.includes('\0')) return no('A user name cannot hold a NUL byte');
  return ok({ user, end: skipBlanks(line, stop) });
}

/** Read words such as -n and -nq; what else begins with a dash could never be a command. */
function parseFlags(
  line: string,
  start: number,
  silent: boolean,
): Parsed<{ flags: EntryFlags; end: number }> {
  if (!silent && line[start] !== '-') return ok({ flags: NO_FLAGS, end: start });
  let letters = silent ? 'q' : '';
  let at = start;
  while (line[at] === '-') {
    const stop = skipWord(line, at);
    const word = line.slice(at + 1, stop);
    const unknown = word.search(/[^nqs]/);
    if (unknown >= 0 || word === '') {
      const message = `${quoted(`-${word}`)} is no flag: there are -n, -q and -s`;
      return fail(at + 2 + Math.max(unknown, 0), 'bad option', message);
    }
    letters += word;
    at = skipBlanks(line, stop);
  }
  const [quiet, mailOnFailure, single] = ['q', 'n', 's'].map((letter) => letters.includes(letter));
  const place = (quiet ? 1 : 0) + (mailOnFailure ? 2 : 0) + (single ? 4 : 0);
  return ok({ flags: FLAGS[place] ?? NO_FLAGS, end: at });
}

/** All that there are: entries share them. */
const FLAGS: readonly EntryFlags[] = Array.from({ length: 8 }, (_, bits) => ({
  quiet: (bits & 1) !== 0,
  mailOnFailure: (bits & 2) !== 0,
  single: (bits & 4) !== 0,
}));
const NO_FLAGS: EntryFlags = FLAGS[0] ?? { quiet: false, mailOnFailure: false, single: false };

/**
 * Split a command at its first "%" that no backslash escapes.
 *
 * As ISC cron and cronie: before it "\%" is "%" and "\\" stays as it is; behind it "%" is a
 * newline, "\%" is "%", and a last newline is added.
 */
function parseCommand(
  line: string,
  start: number,
): Parsed<{ command: string; stdin: string | null }> {
  const raw = line.slice(start);
  const nul = raw.indexOf('\0');
  if (nul >= 0) return fail(start + nul + 1, 'bad command', 'A command cannot hold a NUL byte');
  if (!raw.includes('%')) return ok({ command: raw, stdin: null }); // "\\" too is what it is
  const percent = firstPercent(raw);
  if (percent === 0) return fail(start + 1, 'bad command', 'There is no command before the "%"');
  const command = raw
    .slice(0, percent)
    .replaceAll(/\\[\\%]/g, (pair) => (pair === '\\%' ? '%' : pair));
  if (percent === raw.length) return ok({ command, stdin: null });
  const data = raw.slice(percent + 1).replaceAll(/\\?%/g, (mark) => (mark === '%' ? '\n' : '%'));
  return ok({ command, stdin: data === '' || data.endsWith('\n') ? data : `${data}\n` });
}

/** Find the first unescaped "%", or the end. */
export function firstPercent(raw: string): number {
  if (!raw.includes('%')) return raw.length;
  for (const { 0: mark, index } of raw.matchAll(/\\[^]|%/g)) {
    if (mark === '%') return index;
  }
  return raw.length;
}
