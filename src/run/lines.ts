/** Lines of a journal ↔ text: JSON, and what many lines share is written once. */
import { createHash } from 'node:crypto';
import type { Environment } from '../core/environment.ts';
import type { Exit } from '../system/program.ts';
import type { Firing } from './protocol.ts';

/** One line of a journal. */
export type JournalLine =
  /** First line: which process writes; its start time tells it from a later one of the same pid. */
  | { readonly runner: string; readonly pid: number; readonly started: number }
  | { readonly fire: Firing; readonly at: number }
  /** It waits for the job before it; and: it does no more. */
  | { readonly wait: string }
  | { readonly begin: string }
  /** Somebody has a signal sent to it. */
  | { readonly kill: string; readonly by: string; readonly signal: NodeJS.Signals }
  /** The job is over; `bytes` of output are still to be mailed. */
  | { readonly end: string; readonly exit: Exit; readonly bytes: number }
  /** Its mail is being handed over: who dies now leaves nobody who knows whether it was taken ... */
  | { readonly mailing: string }
  /** ... and: nobody has taken it. */
  | { readonly unmailed: string }
  /** Nothing is left to do for this run. */
  | { readonly done: string }
  /** It is in the journal of another runner now, which sees to what is left to do. */
  | { readonly handed: string };

/** An environment of more bytes is written once, and called by its number from then on. */
const LARGE = 1024;

/** A large environment, as it is written once. */
interface Shared {
  readonly shared: number;
  readonly is: Environment;
}

/** Line → text, for one journal: a table of thousands of entries must not write its variables thousands of times. */
export class LineWriter {
  readonly #numbers = new Map<string, number>();
  readonly #known = new WeakMap<Environment, number>();

  text(line: JournalLine): string {
    if (!('fire' in line)) return `${JSON.stringify(line)}\n`;
    const { environment } = line.fire;
    const size = environment.reduce((sum, [, { length }]) => sum + length, 0);
    if (size <= LARGE) return `${JSON.stringify(line)}\n`;
    let prefix = '';
    let number = this.#known.get(environment);
    if (number === undefined) {
      const text = JSON.stringify(environment);
      const digest = createHash('sha256').update(text).digest('base64');
      number = this.#numbers.get(digest);
      if (number === undefined) {
        number = this.#numbers.size;
        this.#numbers.set(digest, number);
        prefix = `{"shared":${number},"is":${text}}\n`;
      }
      this.#known.set(environment, number);
    }
    return `${prefix}${JSON.stringify({ ...line, fire: { ...line.fire, environment: number } })}\n`;
  }
}

/** Text → line, for one journal from its beginning. */
export class LineReader {
  readonly #shared: Environment[] = [];

  /** Null: no line, or one that only others refer to. */
  read(text: string): JournalLine | null {
    let line: JournalLine | Shared | null;
    try {
      line = JSON.parse(text);
    } catch {
      return null; // a block of zeroes, as a power cut leaves
    }
    if (line === null || typeof line !== 'object') return null;
    if ('shared' in line) {
      this.#shared[line.shared] = line.is;
      return null;
    }
    if (!('fire' in line)) return line;
    const environment: Environment | number = line.fire.environment;
    if (typeof environment !== 'number') return line;
    return { ...line, fire: { ...line.fire, environment: this.#shared[environment] ?? [] } };
  }
}
