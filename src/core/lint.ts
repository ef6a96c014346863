/** The text of a crontab → its errors, and warnings of what is legal and surprising. */

import { skipBlanks } from './blank.ts';
import { type Which, warnOfPath, warnOfPercent, warnOfUser } from './command.ts';
import { parseCrontab } from './crontab.ts';
import { LINES_LIMIT, warnOfEntry, warnOfLength, warnOfLineEnd, warnOfVariable } from './debian.ts';
import type { CrontabKind, Entry } from './entry.ts';
import { readAssignment } from './environment.ts';
import { visible } from './escape.ts';
import type { Fault, Problem, Warn } from './problem.ts';
import { refuseSetting } from './settings.ts';
import type { Offsets } from './spans.ts';
import { type Change, changesFrom, warnOfDays, warnOfSummerTime } from './surprise.ts';
import { mailFault, warnOfName, warnOfValue, type WrittenVariable } from './variable.ts';
import { written } from './written.ts';

export interface LintOptions {
  readonly kind: CrontabKind;
  /** The user of a user tab; root's may keep jobs out of the log. */
  readonly owner?: string;
  /** Now, and how far zones are ahead of UTC: without them nothing is said of summer time. */
  readonly at?: number;
  readonly offsets?: Offsets;
  /** Find a program; without it only well-known ones are told of. */
  readonly which?: Which;
  /** Know a user's name; without it only what can be none is told of. */
  readonly isUser?: (name: string) => boolean;
}

/** Say everything that is wrong with a crontab, or may be, in the order of its lines. */
export function lint(text: string, options: LintOptions): Problem[] {
  const { kind, owner = '', at, offsets } = options;
  const parsed = parseCrontab(text, { kind, owner, seed: '', refuse: refuseSetting });
  const entries = new Map(parsed.entries.map((entry) => [entry.line, entry]));
  const found = new Linter(
    options,
    at === undefined || offsets === undefined ? null : changesFrom(at, offsets),
  );
  found.problems.push(...parsed.problems);
  // Where a limit is reached, reading ends.
  const end = parsed.problems.find(({ reason }) => reason.startsWith('too many'))?.line;
  let line = 0;
  for (let start = 0; start < text.length && line !== end;) {
    const newline = text.indexOf('\n', start);
    if (newline < 0) break; // an unfinished line is ignored, and has been told of
    found.read(text.slice(start, newline), ++line, entries.get(line));
    start = newline + 1;
  }
  found.finish();
  return found.problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

/** What has been found so far. */
class Linter {
  readonly problems: Problem[] = [];
  readonly #options: LintOptions;
  readonly #changesIn: ((zone: string) => readonly Change[]) | null;
  /** CRON_TZ is set. */
  #zoned = false;
  /** Assignments below the last line that they could rule. */
  #idle: Problem[] = [];
  #hasEntries = false;
  #crlf = false;

  constructor(options: LintOptions, changesIn: ((zone: string) => readonly Change[]) | null) {
    this.#options = options;
    this.#changesIn = changesIn;
  }

  read(raw: string, number: number, entry: Entry | undefined): void {
    const crlf = raw.endsWith('\r');
    const line = crlf ? raw.slice(0, -1) : raw;
    const add = (fault: Fault, severity: Problem['severity']): void =>
      void this.problems.push({ ...fault, line: number, severity });
    const warn: Warn = (fault) => add(fault, 'warning');
    if (crlf && !this.#crlf) warnOfLineEnd(line, warn);
    this.#crlf ||= crlf;
    if (number === LINES_LIMIT + 1) warnOfLength(warn);
    const start = skipBlanks(line, 0);
    if (start === line.length || line[start] === '#') return;
    if (entry !== undefined) {
      this.#hasEntries = true;
      this.#idle = [];
      this.#entry(entry, line, warn);
      return;
    }
    const assignment = readAssignment(line);
    if (assignment?.value.ok === true) {
      const variable = { name: assignment.name, value: assignment.value.value, line };
      this.#variable(variable, number, add);
    } else this.#idle = []; // a bad line may have been meant for an entry
  }

  finish(): void {
    if (this.#hasEntries) this.problems.push(...this.#idle);
  }

  #entry(entry: Entry, line: string, warn: Warn): void {
    const { which, isUser } = this.#options;
    const parts = written(entry, line);
    warnOfDays(parts, warn);
    if (this.#changesIn !== null) warnOfSummerTime(parts, this.#changesIn, warn);
    warnOfUser(parts, which, isUser, warn);
    warnOfPercent(parts, warn);
    warnOfPath(parts, which, warn);
    warnOfEntry(parts, warn);
  }

  #variable(
    variable: WrittenVariable,
    line: number,
    add: (fault: Fault, severity: Problem['severity']) => void,
  ): void {
    const { name, value } = variable;
    if (refuseSetting(name, value) !== null) return; // an error, and told of
    const warn: Warn = (fault) => add(fault, 'warning');
    // A user's own crontab is refused at install; the system's is in force as it is.
    const fault = mailFault(variable);
    if (fault !== null) add(fault, this.#options.kind === 'user' ? 'error' : 'warning');
    warnOfValue(variable, warn);
    warnOfName(variable, this.#zoned, warn);
    warnOfVariable(variable, warn);
    this.#zoned ||= name === 'CRON_TZ';
    const message = `No entry follows: ${visible(name)} is for the entries below it`;
    this.#idle.push({ line, column: 1, severity: 'warning', reason: 'rules nothing', message });
  }
}
