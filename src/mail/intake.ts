/** A message on a stream → its header block, and its body, kept where memory does not grow. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fromBytes, toBytes } from '../system/bytes.ts';
import { EXIT, Failure, reason } from '../system/failure.ts';
import { FIELD } from './headers.ts';

/** A message, read to its end. */
export interface Letter {
  /** Lines that are fields or continue one; a byte string. */
  readonly head: string;
  /** Bytes of the body. */
  readonly size: number;
  /** The body, as often as it is asked for. */
  chunks(): AsyncIterable<Uint8Array>;
  close(): void;
}

export interface IntakeLimits {
  /** Bytes of the whole message. */
  readonly size: number;
  /** Where a long body lies while it is sent on; it has no name there. */
  readonly directory: string;
  /** A line that is a dot ends the message. */
  readonly dotEnds: boolean;
}

/** More than any mail system takes. */
const HEAD_LIMIT = 256 * 1024;
/** What of a body is kept in memory. */
const MEMORY_LIMIT = 1024 * 1024;

/**
 * Read a message. Lines end with a newline whatever they ended with before; a line "From " of a
 * mailbox file at its beginning is dropped. What does not begin with fields is all body.
 * @throws {Failure} with EXIT.DATA when it is too long, EXIT.IO_ERROR when it cannot be kept
 */
export async function readLetter(
  input: AsyncIterable<Uint8Array>,
  limits: IntakeLimits,
): Promise<Letter> {
  const body = new Body(limits.directory);
  let head: string | null = null;
  let text = '';
  let length = 0;
  try {
    for await (const piece of normalLines(input, limits.dotEnds)) {
      length += piece.length;
      if (length > limits.size)
        throw tooLong(`the message is longer than the ${limits.size} bytes that are taken`);
      if (head === null) {
        text += piece;
        const split = splitHead(text, false);
        if (split === null && text.length <= HEAD_LIMIT) continue;
        if (split === null || split.head.length > HEAD_LIMIT)
          throw tooLong(`the header of the message is longer than ${HEAD_LIMIT} bytes`);
        head = split.head;
        body.add(split.body);
      } else body.add(piece);
    }
    if (head === null) {
      const split = splitHead(text, true);
      head = split.head;
      body.add(split.body);
    }
  } catch (error) {
    body.close();
    throw error;
  }
  return { head, size: body.size, chunks: () => body.chunks(), close: () => body.close() };
}

function tooLong(problem: string): Failure {
  return new Failure(`Cannot take the message: ${problem}`, { exit: EXIT.DATA });
}

interface Split {
  readonly head: string;
  readonly body: string;
}

/** Find where the fields end; null: that is not to be seen yet. */
function splitHead(text: string, whole: true): Split;
function splitHead(text: string, whole: boolean): Split | null;
function splitHead(text: string, whole: boolean): Split | null {
  let start = 0;
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf('\n', at);
    if (end === -1 && !whole && couldBeField(text.slice(at))) return null;
    const line = text.slice(at, end === -1 ? text.length : end);
    const next = end === -1 ? text.length : end + 1;
    if (at === 0 && /^>?From /.test(line) && end !== -1) start = next;
    else if (line === '') return { head: text.slice(start, at), body: text.slice(next) };
    else if (!FIELD.test(line) && !(at > start && /^[ \t]/.test(line)))
      return { head: text.slice(start, at), body: text.slice(at) };
    at = next;
  }
  if (!whole) return null;
  const head = text.slice(start);
  return { head: head === '' || head.endsWith('\n') ? head : `${head}\n`, body: '' };
}

/** Whether an unfinished line may become one of a header: it need not be read to its end if not. */
function couldBeField(line: string): boolean {
  return /^(?:[!-9;-~]*[ \t]*$|[!-9;-~]+[ \t]*:|[ \t]|>?From )/.test(line);
}

/** Text with CR LF made LF, up to a line that is a dot if one ends it; byte strings. */
async function* normalLines(
  input: AsyncIterable<Uint8Array>,
  dotEnds: boolean,
): AsyncGenerator<string> {
  // What may turn out to be the end of a line, or of all, is held back. A newline that is not
  // there begins the text, so that its first line is found as all others are.
  let held = '\n';
  let begun = false;
  const put = (text: string): string => {
    if (text === '' || begun) return text;
    begun = true;
    return text.slice(1);
  };
  for await (const bytes of input) {
    const text = (held + fromBytes(bytes)).replaceAll('\r\n', '\n');
    const dot = dotEnds ? text.indexOf('\n.\n') : -1;
    if (dot !== -1) {
      const rest = put(text.slice(0, dot + 1));
      if (rest !== '') yield rest;
      return;
    }
    const keep = /(?:\n(?:\.\r?)?|\r)$/.exec(text.slice(-3))?.[0].length ?? 0;
    held = text.slice(text.length - keep);
    const rest = put(text.slice(0, text.length - keep));
    if (rest !== '') yield rest;
  }
  const rest = put(dotEnds ? held.replace(/\n\.\r?$/, '\n') : held);
  if (rest !== '') yield rest;
}

/** Bytes that are written once and read often: the first ones in memory, then all in a file. */
class Body {
  size = 0;
  readonly #directory: string;
  #parts: Buffer[] = [];
  #fd: number | null = null;

  constructor(directory: string) {
    this.#directory = directory;
  }

  add(text: string): void {
    if (text === '') return;
    const bytes = toBytes(text);
    this.size += bytes.length;
    if (this.#fd === null && this.size <= MEMORY_LIMIT) this.#parts.push(bytes);
    else this.#write([...this.#parts.splice(0), bytes]);
  }

  #write(parts: readonly Buffer[]): void {
    try {
      this.#fd ??= namelessFile(this.#directory);
      for (const part of parts)
        for (let at = 0; at < part.length;) at += writeSync(this.#fd, part, at);
    } catch (error) {
      const problem = `Cannot keep the message in ${this.#directory}: ${reason(error)}`;
      throw new Failure(problem, { exit: EXIT.IO_ERROR, cause: error });
    }
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    yield* this.#parts;
    if (this.#fd === null) return;
    for (let at = 0; at < this.size;) {
      const piece = Buffer.allocUnsafe(64 * 1024);
      const length = readSync(this.#fd, piece, 0, piece.length, at);
      if (length === 0) return;
      yield piece.subarray(0, length);
      at += length;
    }
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }
}

/** Open a file that nobody else ever sees. */
function namelessFile(directory: string): number {
  const folder = mkdtempSync(join(directory, 'cron-sendmail-'));
  try {
    return openSync(join(folder, 'body'), 'wx+', 0o600);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
