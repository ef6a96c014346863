/** What a scheduler and its postman say to each other ↔ bytes: lines of JSON, and bytes after some of them. */
import type { Relay } from './relay.ts';

/** To the postman. Mails have numbers; of a mail's body it gets as much as it asks for. */
export type Order =
  /** First of all: where mail goes. */
  | { readonly relay: Relay }
  /** A mail; its head follows. */
  | ({ readonly mail: number; readonly length: number } & MailFacts)
  /** A piece of a mail's body follows. */
  | { readonly piece: number; readonly length: number }
  /** That was all of the body. */
  | { readonly whole: number }
  /** The rest of the body cannot be read: it must not go out. */
  | { readonly broken: number };

/** What the postman knows of a mail besides its text; byte strings. */
export interface MailFacts {
  readonly run: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly size: number;
}

/** From the postman. */
export type Answer =
  /** It wants another piece of that mail. */
  | { readonly more: number }
  /** It is through with that mail; the other recipients have it. */
  | { readonly done: number; readonly refused: readonly RefusedAt[] };

/** A recipient, by its place among those of the mail. */
export interface RefusedAt {
  readonly at: number;
  readonly reason: string;
  readonly permanent: boolean;
}

/** A longer line is none of ours. */
const LINE_LIMIT = 1024 * 1024;

/** Write an order or an answer. */
export function lineOf(content: Order | Answer): string {
  return `${JSON.stringify(content)}\n`;
}

/** Bytes as they come → lines, and the bytes that belong to them. */
export class FrameReader {
  #pieces: Uint8Array[] = [];
  #have = 0;
  /** A line whose bytes are still coming, and their number. */
  #open: { readonly line: string; readonly length: number } | null = null;
  readonly #take: (line: string, bytes: Uint8Array) => void;
  readonly #measure: (line: string) => number;

  /**
   * @param take gets each line and what followed it
   * @param measure tells how many bytes follow a line
   */
  constructor(
    take: (line: string, bytes: Uint8Array) => void,
    measure: (line: string) => number = () => 0,
  ) {
    this.#take = take;
    this.#measure = measure;
  }

  /** @throws when a line is too long to be one */
  push(chunk: Uint8Array): void {
    this.#pieces.push(chunk);
    this.#have += chunk.length;
    while (this.#next(chunk));
  }

  #next(latest: Uint8Array): boolean {
    if (this.#open === null) {
      if (!latest.includes(10) && this.#pieces.length > 1) return this.#bounded();
      const all = this.#joined();
      const end = all.indexOf(10);
      if (end === -1) return this.#bounded();
      this.#keep(all.subarray(end + 1));
      const line = Buffer.from(all.subarray(0, end)).toString('utf8');
      this.#open = { line, length: this.#measure(line) };
    }
    const { line, length } = this.#open;
    if (this.#have < length) return false;
    const all = this.#joined();
    this.#open = null;
    this.#keep(all.subarray(length));
    this.#take(line, all.subarray(0, length));
    return this.#have > 0;
  }

  #bounded(): false {
    if (this.#have > LINE_LIMIT) throw new Error(`a line of more than ${LINE_LIMIT} bytes`);
    return false;
  }

  #joined(): Uint8Array {
    const [only] = this.#pieces;
    const all =
      this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces);
    this.#pieces = [all];
    return all;
  }

  #keep(rest: Uint8Array): void {
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#have = rest.length;
  }
}

/** Read an order; who gives them is trusted. */
export function readOrder(line: string): Order {
  const order: Order = JSON.parse(line);
  return order;
}

/** How many bytes follow an order. */
export function lengthOf(line: string): number {
  const order = readOrder(line);
  return 'length' in order ? order.length : 0;
}

/** Check what a postman said: it speaks to the network, and is not believed. Null: no answer of ours. */
export function readAnswer(line: string): Answer | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  if ('more' in value) return isNumber(value.more) ? { more: value.more } : null;
  if (!('done' in value && isNumber(value.done))) return null;
  if (!('refused' in value && Array.isArray(value.refused))) return null;
  const refused: unknown[] = value.refused;
  return refused.every(isRefusedAt) ? { done: value.done, refused } : null;
}

/** A reason of more chars is none. */
const REASON_LIMIT = 4096;

function isRefusedAt(value: unknown): value is RefusedAt {
  return (
    typeof value === 'object' &&
    value !== null &&
    'at' in value &&
    isNumber(value.at) &&
    'reason' in value &&
    typeof value.reason === 'string' &&
    value.reason.length <= REASON_LIMIT &&
    /^[ -~\u0080-\u00ff]*$/.test(value.reason) &&
    'permanent' in value &&
    typeof value.permanent === 'boolean'
  );
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
