/** The bytes of a body → quoted-printable or base64 (RFC 2045), piece by piece. */

/** How a body is written into a message; `none` is as it is. */
export type Coding = 'none' | 'quoted-printable' | 'base64';

/** Encodes a body; what it returns may lag behind what it was given. */
export interface Encoder {
  add(bytes: Uint8Array): Uint8Array;
  end(): Uint8Array;
}

/** Begin to encode a body. */
export function encoder(coding: Coding): Encoder {
  if (coding === 'quoted-printable') return new QuotedPrintable();
  if (coding === 'base64') return new Base64();
  return { add: (bytes) => bytes, end: () => new Uint8Array(0) };
}

/** Bound the length of a body in that coding, from what was seen of it. */
export function codedSize(
  { size, lines, escapes }: { size: number; lines: number; escapes: number },
  coding: Coding,
): number {
  if (coding === 'none') return size;
  if (coding === 'base64') return Math.ceil(size / LINE_BYTES) * (LINE_CHARS + 1) + 4;
  // At each line's end and beginning, also a soft break's, another byte may be written as three.
  const chars = size + 2 * escapes + 4 * lines;
  return chars + 4 * Math.ceil(chars / (LINE_CHARS - 4)) + 8;
}

/** RFC 2045: an encoded line has at most 76 characters, with the `=` of a soft break. */
const LINE_CHARS = 76;
/** Base64 makes so many bytes a line. */
const LINE_BYTES = 57;

const HEX = ascii('0123456789ABCDEF');
const DIGITS = ascii('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
const FROM = ascii('From ');
const [TAB, NEWLINE, BLANK, DOT, EQUALS, GREATER] = [9, 10, 32, 46, 61, 62] as const;

/** 1 for bytes that stand for themselves wherever they are. */
const PLAIN = new Uint8Array(256);
PLAIN.fill(1, BLANK + 1, 127)[EQUALS] = 0;

/**
 * Text stays readable. A line's last blank is escaped, for mail systems drop it, as are a dot and
 * "From " at its beginning; a body without a last newline ends in a soft break, so that the
 * newline that mail systems add is no part of it.
 */
class QuotedPrintable implements Encoder {
  /** Characters on the line so far. */
  #column = 0;
  /** A blank that may be the last one of its line; 0 for none. */
  #blank = 0;

  add(bytes: Uint8Array): Uint8Array {
    // At most three characters a byte and a soft break for each 73 of them.
    const out = new Writer(bytes.length * 3 + Math.ceil(bytes.length / 20) * 2 + 16);
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      const isInside = this.#blank === 0 && this.#column > 0 && this.#column < LINE_CHARS - 1;
      if (isInside && PLAIN[byte] === 1) {
        this.#column++;
        out.put(byte); // most bytes of most texts
        continue;
      }
      if (byte === NEWLINE) {
        if (this.#blank !== 0) this.#put(out, this.#blank, true);
        this.#blank = 0;
        out.put(NEWLINE);
        this.#column = 0;
        continue;
      }
      if (this.#blank !== 0) this.#put(out, this.#blank, false);
      this.#blank = byte === BLANK || byte === TAB ? byte : 0;
      if (this.#blank === 0) this.#put(out, byte, PLAIN[byte] !== 1 || this.#mayMislead(bytes, at));
    }
    return out.taken();
  }

  end(): Uint8Array {
    const out = new Writer(8);
    if (this.#blank !== 0) this.#put(out, this.#blank, true);
    if (this.#column > 0) softBreak(out);
    return out.taken();
  }

  /**
   * A dot, what may become "From ", or ">" as mailboxes put it before that, at the beginning of a
   * line, be it after a soft break.
   */
  #mayMislead(bytes: Uint8Array, at: number): boolean {
    if (this.#column > 0 && this.#column < LINE_CHARS - 1) return false;
    if (bytes[at] === DOT || bytes[at] === GREATER) return true;
    return FROM.every((char, index) => (bytes[at + index] ?? char) === char);
  }

  #put(out: Writer, byte: number, escaped: boolean): void {
    const width = escaped ? 3 : 1;
    if (this.#column + width > LINE_CHARS - 1) {
      softBreak(out);
      this.#column = 0;
    }
    this.#column += width;
    if (!escaped) return out.put(byte);
    out.put(EQUALS);
    out.put(HEX[byte >> 4] ?? 0);
    out.put(HEX[byte & 15] ?? 0);
  }
}

function softBreak(out: Writer): void {
  out.put(EQUALS);
  out.put(NEWLINE);
}

/** Lines of 76 characters. */
class Base64 implements Encoder {
  #rest = new Uint8Array(0);

  add(bytes: Uint8Array): Uint8Array {
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    const end = all.length - (all.length % LINE_BYTES);
    this.#rest = all.slice(end);
    return inLines(all.subarray(0, end));
  }

  end(): Uint8Array {
    return inLines(this.#rest);
  }
}

function inLines(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(bytes.length / LINE_BYTES) * (LINE_CHARS + 1));
  let to = 0;
  for (let line = 0; line < bytes.length; line += LINE_BYTES) {
    const end = Math.min(line + LINE_BYTES, bytes.length);
    for (let at = line; at < end; at += 3) {
      const three = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
      out[to] = DIGITS[three >> 18] ?? 0;
      out[to + 1] = DIGITS[(three >> 12) & 63] ?? 0;
      out[to + 2] = at + 1 < end ? (DIGITS[(three >> 6) & 63] ?? 0) : EQUALS;
      out[to + 3] = at + 2 < end ? (DIGITS[three & 63] ?? 0) : EQUALS;
      to += 4;
    }
    out[to++] = NEWLINE;
  }
  return out.subarray(0, to);
}

/** Bytes being written, into room that is enough. */
class Writer {
  readonly #bytes: Uint8Array;
  #length = 0;

  constructor(room: number) {
    this.#bytes = new Uint8Array(room);
  }

  put(byte: number): void {
    this.#bytes[this.#length++] = byte;
  }

  taken(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
