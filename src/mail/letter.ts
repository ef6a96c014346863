/** A mail → an open file that a mailer gets as its standard input; and whether that was read. */
import {
  closeSync,
  fchmodSync,
  fstatSync,
  futimesSync,
  mkdirSync,
  openSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { TextDecoder } from 'node:util';
import { toBytes } from '../system/bytes.ts';
import { position } from '../system/libc/blocks.ts';
import { freeze, memoryFile } from '../system/libc/memory.ts';
import type { Outgoing } from '../system/outgoing.ts';
import { decoded } from './decode.ts';
import { fieldOf } from './head.ts';

/**
 * What a mailer is to read: the whole message; its body, when it gets the fields of the head as
 * arguments; or the text that the body encodes, when it composes and encodes by itself.
 */
export type Reads = 'message' | 'body' | 'text';

/** Mails up to this size, in bytes, are handed over in memory. */
const MEMORY_LIMIT = 4 * 1024 * 1024;

/**
 * A file without a name, which nobody can change. It is whole before the mailer starts and stays
 * so when we are killed: a pipe would end there, and the mailer take what it had for all.
 */
export interface Letter {
  /** Open for reading only, at the beginning. */
  readonly fd: number;
  /** The charset of the text: `utf-8` if it is that. */
  readonly charset: string;
  /** Whether the mailer has read all of it, as far as can be known. */
  wasRead(): boolean;
  close(): void;
}

/**
 * Write a mail down.
 * @param spool directory for large ones, ours alone
 */
export async function writeLetter(mail: Outgoing, reads: Reads, spool: string): Promise<Letter> {
  const { writer, freezable } = open(mail, spool);
  const encoding = fieldOf(mail.head, 'Content-Transfer-Encoding');
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  let isUtf8 = reads === 'text';
  let size = 0;
  try {
    const put = (bytes: Uint8Array): void => {
      for (let at = 0; at < bytes.length;) at += writeSync(writer, bytes, at);
      size += bytes.length;
      isUtf8 &&= isValid(utf8, bytes);
    };
    if (reads === 'message') put(toBytes(mail.head));
    const chunks = reads === 'text' ? decoded(mail.chunks(), encoding) : mail.chunks();
    for await (const chunk of chunks) put(chunk);
    isUtf8 &&= isValid(utf8);
    fchmodSync(writer, 0o444); // who opens it anew as /dev/stdin may be another user than ours
    if (freezable) freeze(writer);
    futimesSync(writer, 0, size);
    const fd = openSync(`/proc/self/fd/${writer}`, 'r');
    const charset = isUtf8 ? 'utf-8' : charsetOf(mail.head);
    return { fd, charset, wasRead: () => wasRead(fd, size), close: () => closeSync(fd) };
  } finally {
    closeSync(writer);
  }
}

/**
 * All who inherit a descriptor share its position. Whoever opens /dev/stdin anew has one of their
 * own (`cat /dev/stdin | sendmail` in a wrapper): then the time of the last access is all there is
 * to know, and exit status 0 has to do. A file system that keeps no such times says "not read",
 * and the mail is sent twice rather than never.
 */
function wasRead(fd: number, size: number): boolean {
  const at = position(fd);
  return at === size || (at === 0 && fstatSync(fd).atimeMs > 0);
}

/** In memory, or on disk; when the disk is full in memory all the same. */
function open(mail: Outgoing, spool: string): { writer: number; freezable: boolean } {
  if (mail.head.length + mail.size > MEMORY_LIMIT) {
    const writer = openNameless(spool, mail.run);
    if (writer !== null) return { writer, freezable: false };
  }
  return { writer: memoryFile('mail'), freezable: true };
}

function openNameless(spool: string, run: string): number | null {
  const name = join(spool, `.${run}.${process.pid}`);
  try {
    mkdirSync(spool, { recursive: true, mode: 0o700 });
    const fd = openSync(name, 'wx+', 0o600);
    unlinkSync(name);
    return fd;
  } catch {
    return null;
  }
}

/** Whether the bytes so far are UTF-8; without bytes, whether that was all. */
function isValid(decoder: TextDecoder, bytes?: Uint8Array): boolean {
  try {
    decoder.decode(bytes, { stream: bytes !== undefined });
    return true;
  } catch {
    return false;
  }
}

/** What the head says of bytes that are no UTF-8; where that cannot be, a charset in which every byte is something. */
function charsetOf(head: string): string {
  const declared = /;\s*charset="?([\w.:-]+)/i.exec(fieldOf(head, 'Content-Type'))?.[1] ?? '';
  return /^(|utf-?8|us-ascii|unknown-8bit|ansi_.*)$/i.test(declared) ? 'iso-8859-1' : declared;
}
