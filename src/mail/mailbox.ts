/** A mail → the end of a mailbox file (mbox), for those of this process's own user. */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  fsyncSync,
  openSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fromText, toBytes } from '../system/bytes.ts';
import { lock } from '../system/libc.ts';
import type { Outgoing } from '../system/outgoing.ts';

/** How long the lock of a mailbox is waited for, in milliseconds. */
const LOCK_PATIENCE = 10_000;

/**
 * Append a mail to `DIRECTORY/USER`, all of it or nothing.
 * @throws when the file is not the user's own plain file, or cannot be locked or written
 */
export async function appendToMailbox(directory: string, mail: Outgoing): Promise<void> {
  const { user } = mail;
  if (user.uid !== process.geteuid?.())
    throw new Error(`a mailbox file is written by its own user only, and that is "${user.name}"`);
  const file = join(directory, user.name);
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const fd = openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.nlink !== 1 || stat.uid !== user.uid)
      throw new Error(`"${file}" is not a plain file of "${user.name}" with one name`);
    const deadline = performance.now() + LOCK_PATIENCE;
    while (!lock(fd)) {
      if (performance.now() > deadline) throw new Error(`"${file}" is locked by another program`);
      await pause(50);
    }
    const before = fstatSync(fd).size;
    try {
      await append(fd, mail);
      fsyncSync(fd);
    } catch (error) {
      ftruncateSync(fd, before);
      throw error;
    }
  } finally {
    closeSync(fd);
  }
}

async function append(fd: number, mail: Outgoing): Promise<void> {
  const sender = `${mail.user.name}@${fromText(hostname())}`;
  write(fd, toBytes(`From ${sender} ${date(new Date())}\n${mail.head}`));
  let line = '';
  for await (const chunk of mail.chunks()) {
    const text = line + Buffer.from(chunk).toString('latin1');
    const end = text.lastIndexOf('\n') + 1;
    write(fd, toBytes(quoteFrom(text.slice(0, end))));
    line = text.slice(end);
  }
  write(fd, toBytes(`${quoteFrom(line)}${line === '' ? '' : '\n'}\n`));
}

/** A line that begins like a new mail gets a mark (mboxrd's rule: also one that has it already). */
function quoteFrom(text: string): string {
  return text.replaceAll(/^(>*From )/gm, '>$1');
}

/** asctime(3), in UTC, as the first line of a mail in an mbox has it. */
function date(now: Date): string {
  const [day, dayOfMonth = '', month, year, time] = now.toUTCString().replace(',', '').split(' ');
  return `${day} ${month} ${dayOfMonth.replace(/^0/, ' ')} ${time} ${year}`;
}

function write(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}
