/** The bytes of a body → what there is in them that a mailer might not bring across. */

import { BROKEN, STEP, WHOLE } from './utf8.ts';

/** OpenSMTPD rewrites a body with a line of 989 bytes, dma refuses one of 998 (RFC 5322's limit). */
export const LINE_LIMIT = 988;

/** What stands in a body. */
export interface Survey {
  readonly size: number;
  /** Lines, also the last one without a newline. */
  readonly lines: number;
  /** NUL, which sendmail and dma do not deliver. */
  readonly nul: boolean;
  /** A carriage return, which sendmail does not deliver, and others drop, double or make a newline. */
  readonly carriageReturn: boolean;
  /** One that stands before no newline. */
  readonly bareReturn: boolean;
  /** A line beyond the limit. */
  readonly longLine: boolean;
  /** A byte beyond ASCII. */
  readonly eightBit: boolean;
  /** All of it is UTF-8. */
  readonly utf8: boolean;
  /** Bytes that quoted-printable writes as three. */
  readonly escapes: number;
}

const HIGH = 1;
const NUL = 2;
const CR = 3;
/** `=`, and controls other than tab and newline. */
const ESCAPED = 4;

/** What a byte is; 0 for what is as it is everywhere. */
const KIND = new Uint8Array(256);
KIND.fill(ESCAPED, 0, 32).fill(HIGH, 128);
for (const [byte, kind] of [
  [0, NUL],
  [9, 0],
  [10, 0],
  [13, CR],
  [61, ESCAPED],
  [127, ESCAPED],
] as const)
  KIND[byte] = kind;

/** Looks at a body piece by piece. */
export class Surveyor {
  #size = 0;
  #newlines = 0;
  /** Bytes since the last newline. */
  #line = 0;
  #longest = 0;
  #escapes = 0;
  #state = WHOLE;
  /** The last byte was a carriage return. */
  #returned = false;
  #bareReturn = false;
  readonly #seen = new Uint8Array(5);

  add(bytes: Uint8Array): void {
    let state = this.#state;
    let begin = -this.#line;
    if (bytes.length > 0 && this.#returned && bytes[0] !== 10) this.#bareReturn = true;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === 10) {
        this.#newlines++;
        if (at - begin > this.#longest) this.#longest = at - begin;
        begin = at + 1;
      }
      const kind = KIND[byte] ?? 0;
      if (kind !== 0) {
        this.#escapes++;
        this.#seen[kind] = 1;
        if (kind === CR && at + 1 < bytes.length && bytes[at + 1] !== 10) this.#bareReturn = true;
      }
      if (state !== WHOLE || kind === HIGH) state = STEP[(state << 8) | byte] ?? BROKEN;
    }
    if (bytes.length > 0) this.#returned = bytes[bytes.length - 1] === 13;
    this.#line = bytes.length - begin;
    this.#size += bytes.length;
    this.#state = state;
  }

  get result(): Survey {
    const saw = (kind: number): boolean => this.#seen[kind] === 1;
    return {
      size: this.#size,
      lines: this.#newlines + (this.#line > 0 ? 1 : 0),
      nul: saw(NUL),
      carriageReturn: saw(CR),
      bareReturn: this.#bareReturn || this.#returned,
      longLine: Math.max(this.#longest, this.#line) > LINE_LIMIT,
      eightBit: saw(HIGH),
      utf8: this.#state === WHOLE,
      escapes: this.#escapes,
    };
  }
}
