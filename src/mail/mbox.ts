/** A message → the end of an open mbox, all of it or nothing. */
import { fstatSync, fsyncSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { fromBytes, toBytes } from '../system/bytes.ts';
import { type Copy, findAgain } from './again.ts';
import { FromQuoting } from './quoting.ts';

/** Most mails are written by one call: who looks without a lock sees them whole. */
const AT_ONCE = 256 * 1024;

/**
 * Append a message that begins with its head, unless an earlier try has done so; what one has left of it is cut off.
 * @param sender for the line before it, one word
 * @param copy the same message, to be compared with what is there; without one, it is appended in any case
 * @throws after the file has its old length again
 */
export async function appendToMbox(
  fd: number,
  sender: string,
  message: AsyncIterable<Uint8Array>,
  copy: Copy | null = null,
): Promise<void> {
  const found = copy === null ? null : findAgain(fd, word(sender), copy);
  if (found?.kind === 'whole') return await passOver(fd, message);
  if (found?.kind === 'part') ftruncateSync(fd, found.start);
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

/** Read the message all the same, which tells its giver that it was taken; what was written before may not be on the disk. */
async function passOver(fd: number, message: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of message);
  fsyncSync(fd);
}

/** What a mailbox lacks at its end, where something was cut off while it was written. */
function gap(fd: number, size: number): string {
  const tail = Buffer.alloc(Math.min(size, 2));
  readSync(fd, tail, 0, tail.length, size - tail.length);
  const text = fromBytes(tail);
  return text === '' || text === '\n' || text === '\n\n' ? '' : text.endsWith('\n') ? '\n' : '\n\n';
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
