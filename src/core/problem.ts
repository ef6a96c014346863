/** What is wrong with a line of a crontab: place, vixie's words, and an explanation. */

/** One complaint about one line; `line` and `column` count from 1, columns in bytes. */
export interface Problem {
  readonly line: number;
  readonly column: number;
  readonly severity: 'error' | 'warning';
  /** Vixie's own words, which users know: "bad minute", "bad command". */
  readonly reason: string;
  /** What exactly is wrong and, where it is known, what was meant. */
  readonly message: string;
}

/** What a parser of a part of a line complains about; the line is its caller's. */
export type Fault = Omit<Problem, 'line' | 'severity'>;

/** A value, or why there is none: a bad line is data, never an exception. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: Fault };

/** Hears of what is odd but works; the value is parsed all the same. */
export type Warn = (fault: Fault) => void;

/** Accept a text as this value. */
export function ok<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

/** Refuse a text, pointing at one of its characters. */
export function fail(column: number, reason: string, message: string): Parsed<never> {
  return { ok: false, fault: { column, reason, message } };
}

/** Read a complaint about a part as one about the whole, in which the part stands at `offset`. */
export function shift(fault: Fault, offset: number): Fault {
  return { ...fault, column: fault.column + offset };
}
