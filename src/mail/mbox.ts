/** A message → the end of an open mbox, all of it or nothing. */
import { fstatSync, fsyncSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { fromBytes, toBytes } from '../system/bytes.ts';

/** Most mails are written by one call: who looks without a lock sees them whole. */
const AT_ONCE = 256 * 1024;

/**
 * Append a message that begins with its head.
 * @param sender for the line before it, one word
 * @throws after the file has its old length again
 */
export async function appendToMbox(
  fd: number,
  sender: string,
  message: AsyncIterable<Uint8Array>,
): Promise<void> {
  const before = fstatSync(fd).size;
  try {
    let ready = `${gap(fd, before)}From ${word(sender)} ${date(new Date())}\n`;
    const quoting = new FromQuoting();
    for await (const chunk of message) {
      ready += quoting.take(fromBytes(chunk));
      if (ready.length < AT_ONCE) continue;
      write(fd, toBytes(ready));
      ready = '';
    }
    if (quoting.isEmpty) throw new Error('there is no message');
    write(fd, toBytes(ready + quoting.end()));
    fsyncSync(fd);
  } catch (error) {
    ftruncateSync(fd, before);
    throw error;
  }
}

/** What a mailbox lacks at its end, where something was cut off while it was written. */
function gap(fd: number, size: number): string {
  const tail = Buffer.alloc(Math.min(size, 2));
  readSync(fd, tail, 0, tail.length, size - tail.length);
  const text = fromBytes(tail);
  return text === '' || text === '\n' || text === '\n\n' ? '' : text.endsWith('\n') ? '\n' : '\n\n';
}

/**
 * A line that begins like a new mail gets a mark (mboxrd's rule: also one that has marks already). Pieces may end
 * anywhere; no more is held back than the `From` of such a line.
 */
export class FromQuoting {
  /** What the last piece ended with and what may be the beginning of `From `. */
  #held = '';
  /** The line so far is nothing but marks and what is held. */
  #open = true;
  #last = '';

  /** No byte has come. */
  get isEmpty(): boolean {
    return this.#last === '';
  }

  /** Take a piece, give what of it can be written. */
  take(piece: string): string {
    if (piece === '') return '';
    this.#last = piece.slice(-1);
    const start = this.#open ? '\n' : '';
    const text = start + this.#held + piece;
    const line = text.slice(text.lastIndexOf('\n') + 1);
    const marks = text.includes('\n') ? /^>*(F(?:r(?:om?)?)?)?$/.exec(line) : null;
    this.#open = marks !== null;
    this.#held = marks?.[1] ?? '';
    const ready = text.slice(0, text.length - this.#held.length);
    return ready.replaceAll(/\n(>*)From /g, '\n$1>From ').slice(start.length);
  }

  /** What is left, with the end of the last line and the empty line after it. */
  end(): string {
    return `${this.#held}${this.#last === '\n' ? '' : '\n'}\n`;
  }
}

/** A sender without what would end the word, or the line. */
function word(sender: string): string {
  return sender.replaceAll(/[^!-~\u0080-\u00ff]/g, '-') || 'MAILER-DAEMON';
}

/** asctime(3), in UTC, as the first line of a mail in an mbox has it. */
function date(now: Date): string {
  const [day, dayOfMonth = '', month, year, time] = now.toUTCString().replace(',', '').split(' ');
  return `${day} ${month} ${dayOfMonth.replace(/^0/, ' ')} ${time} ${year}`;
}

function write(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}
