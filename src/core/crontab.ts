/** The text of a crontab → its entries, and everything that is wrong with it. */

import { skipBlanks } from './blank.ts';
import { hash, stableDraw } from './draw.ts';
import { type Entries, Packing } from './entries.ts';
import { parseEntry, type CrontabKind, type Entry, type EntryLine } from './entry.ts';
import { assign, readAssignment, type Assignment, type Environment } from './environment.ts';
import { quoted } from './escape.ts';
import type { Fault, Problem } from './problem.ts';

/** A whole table as it is in force: a bad line costs itself, a bad assignment what it would rule. */
export interface Crontab<E extends Entries = readonly Entry[]> {
  readonly entries: E;
  /** In the order of the lines. */
  readonly problems: readonly Problem[];
  /** As it is at the end of the file. */
  readonly environment: Environment;
}

export interface CrontabOptions {
  readonly kind: CrontabKind;
  /** The user of a user tab; empty for a system crontab. */
  readonly owner: string;
  /** Host and name of the crontab, from which the random choices of "~" are drawn. */
  readonly seed: string;
  /** Say why an assignment cannot stand, such as a CRON_TZ that is no zone; null if it can. */
  readonly refuse?: (name: string, value: string) => string | null;
}

// For system crontabs too: a stray log file in /etc/cron.d must not fill the memory either.
const LINE_LIMIT = 131_072;
const ENTRY_LIMIT = 10_000;
const VARIABLE_LIMIT = 1_000;
/** All variables of an entry together, in bytes: each start of each entry carries them. */
const ENVIRONMENT_LIMIT = 262_144;

/** What some editors write before the first line; no terminal shows it. */
const MARK = '\xef\xbb\xbf';

/** Read a crontab; the time is linear in its length, and the limits bound what is kept of it. */
export function parseCrontab(text: string, options: CrontabOptions): Crontab {
  const { entries, problems, environment } = parsePacked(text, options);
  return { entries: [...entries], problems, environment };
}

/** Read a crontab that is to be kept for long. */
export function parsePacked(text: string, options: CrontabOptions): Crontab<Entries> {
  const steps = parseInSteps(text, options);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Work between two pauses, in bytes, and what a line costs besides: a few milliseconds. */
const STEP = 65_536;
const LINE_COST = 64;

/** Read a crontab with pauses, in which whoever must not be late for a minute can look at the clock. */
export function* parseInSteps(
  text: string,
  options: CrontabOptions,
): Generator<void, Crontab<Entries>> {
  const reader = new Reader(options);
  let work = 0;
  for (let start = 0; start < text.length && !reader.full;) {
    const newline = text.indexOf('\n', start);
    if (newline < 0) {
      reader.unfinished(text.slice(start));
      break;
    }
    const end = text[newline - 1] === '\r' ? newline - 1 : newline;
    reader.read(text.slice(start, end));
    work += newline - start + LINE_COST;
    start = newline + 1;
    if (work < STEP) continue;
    work = 0;
    yield;
  }
  return reader.finish();
}

/** For lines without "~". */
const NO_DRAW = stableDraw(0);

/** What has been read so far. */
class Reader {
  readonly #options: CrontabOptions;
  readonly #privileged: boolean;
  readonly #seed: number;
  readonly #entries = new Packing();
  readonly #problems: Problem[] = [];
  /** How often each line that draws and each identity has occurred. */
  readonly #counts = new Map<string, number>();
  /** Names whose last assignment is bad: where that is told, and how many waited before it. */
  readonly #bad = new Map<string, { readonly problem: number; readonly waiting: number }>();
  #environment: Environment = [];
  #line = 0;
  #assignments = 0;
  #attempts = 0;
  #waiting = 0;
  /** A limit is reached: the rest stays unread. */
  full = false;

  constructor(options: CrontabOptions) {
    this.#options = options;
    this.#privileged = options.kind === 'system' || options.owner === 'root';
    this.#seed = hash(`${options.seed}\n`);
  }

  read(line: string): void {
    this.#line++;
    if (this.#line === 1 && line.startsWith(MARK)) {
      const message = 'The file begins with a byte order mark of UTF-8: save it without one';
      this.#complain({ column: 1, reason: 'bad minute', message });
      return;
    }
    const start = skipBlanks(line, 0);
    if (start === line.length || line[start] === '#') return;
    const assignment = readAssignment(line);
    if (line.length > LINE_LIMIT) this.#tooLong(assignment);
    else if (assignment?.value.ok === true) this.#assign(assignment.name, assignment.value.value);
    else this.#enter(line, assignment);
  }

  /** A comment that may be cut short is one still. */
  unfinished(line: string): void {
    this.#line++;
    const start = skipBlanks(line, 0);
    if (start === line.length || line[start] === '#') return;
    const message = 'The last line does not end in a newline, so that it may be cut short: ignored';
    this.#complain({ column: line.length + 1, reason: 'missing newline before EOF', message });
  }

  finish(): Crontab<Entries> {
    for (const name of this.#bad.keys()) this.#release(name);
    const entries = this.#entries.finish();
    return { entries, problems: this.#problems, environment: this.#environment };
  }

  #assign(name: string, value: string): void {
    this.#release(name);
    if (++this.#assignments > VARIABLE_LIMIT) {
      this.#stop('too many environment variables', `more than ${VARIABLE_LIMIT} assignments`);
      return;
    }
    const others = this.#environment.reduce((sum, [, { length }]) => sum + length, 0);
    if (others + value.length > ENVIRONMENT_LIMIT) {
      this.#stop('too much environment', `more than ${ENVIRONMENT_LIMIT} bytes of variables`);
      return;
    }
    const message = this.#options.refuse?.(name, value) ?? null;
    if (message === null) this.#environment = assign(this.#environment, name, value);
    else this.#hold(name, { column: 1, reason: `bad ${name}`, message });
  }

  /** Read an entry; if it is none but was begun as an assignment, explain it as one. */
  #enter(line: string, assignment: Assignment | null): void {
    if (++this.#attempts > ENTRY_LIMIT) {
      this.#stop('too many entries', `more than ${ENTRY_LIMIT} entries`);
      return;
    }
    const { kind } = this.#options;
    const draw = line.includes('~') ? stableDraw(this.#seedOf(line)) : NO_DRAW;
    const entry = parseEntry(line, kind, draw, this.#privileged, this.#warn);
    if (entry.ok) this.#add(entry.value);
    else if (assignment?.value.ok === false) this.#hold(assignment.name, assignment.value.fault);
    else this.#complain(entry.fault);
  }

  #add({ schedule, flags, user, command, stdin, key }: EntryLine): void {
    const before = this.#count(key); // counted also while it waits: the same later
    if (this.#bad.size > 0) {
      this.#waiting++;
      return;
    }
    const [line, environment] = [this.#line, this.#environment];
    const identity = before === 0 ? key : `${key}\n${before}`; // no line has a newline in it
    this.#entries.add({ line, schedule, flags, user, command, stdin, environment, identity });
  }

  readonly #warn = (odd: Fault): void => {
    this.#problems.push({ ...odd, line: this.#line, severity: 'warning' });
  };

  /** Seed a line's draws by its text, not its number: an edit elsewhere must not move its times. */
  #seedOf(line: string): number {
    return hash(`${line}\n${this.#count(`${line}\n`)}\n`, this.#seed);
  }

  #count(key: string): number {
    const count = this.#counts.get(key) ?? 0;
    this.#counts.set(key, count + 1);
    return count;
  }

  #tooLong(assignment: Assignment | null): void {
    const message = `The line has more than ${LINE_LIMIT} bytes`;
    const fault = { column: LINE_LIMIT + 1, reason: 'command too long', message };
    if (assignment === null) this.#complain(fault);
    else this.#hold(assignment.name, fault);
  }

  /** Let the entries below wait for a better assignment rather than run with a wrong variable. */
  #hold(name: string, fault: Fault): void {
    this.#release(name);
    this.#bad.set(name, { problem: this.#problems.length, waiting: this.#waiting });
    this.#complain(fault);
  }

  /** Tell, where the bad assignment is told, how many entries have waited for this one. */
  #release(name: string): void {
    const bad = this.#bad.get(name);
    if (bad === undefined) return;
    this.#bad.delete(name);
    const waited = this.#waiting - bad.waiting;
    const problem = this.#problems[bad.problem];
    if (waited === 0 || problem === undefined) return;
    const who = waited === 1 ? '1 entry below waits' : `${waited} entries below wait`;
    const message = `${problem.message}; ${who} for the next assignment of ${quoted(name)}`;
    this.#problems[bad.problem] = { ...problem, message };
  }

  #stop(reason: string, excess: string): void {
    this.full = true;
    const message = `There are ${excess}: the crontab is ignored from this line on`;
    this.#complain({ column: 1, reason, message });
  }

  #complain(fault: Fault): void {
    this.#problems.push({ ...fault, line: this.#line, severity: 'error' });
  }
}
