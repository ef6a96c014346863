/** An mbox and a message → whether an earlier try has put it there already, whole or as far as it came. */
import { fstatSync, readSync } from 'node:fs';
import { fromBytes } from '../system/bytes.ts';
import { fieldOf } from './head.ts';
import { FromQuoting } from './quoting.ts';

/** A message that can be read at any place. */
export interface Copy {
  readonly size: number;
  /** So many bytes, or fewer at its end. */
  read(position: number, length: number): Uint8Array;
}

export type Found =
  | { readonly kind: 'whole' }
  /** It is what the mailbox ends with, from `start` on, and not all of it. */
  | { readonly kind: 'part'; readonly start: number };

/** So much of a mailbox's end is looked at, in bytes, besides the room that the message itself takes. */
const TAIL = 4 * 1024 * 1024;
/** More than the head of any mail of ours, and what mail readers add to it. */
const HEAD_LIMIT = 64 * 1024;
const PIECE = 256 * 1024;
/** Characters of asctime(3). */
const DATE = 24;

/** A mail in the file: its first byte, the first one behind its line `From `, and where the next one begins. */
interface Place {
  readonly start: number;
  readonly begin: number;
  readonly end: number;
}

/**
 * Find the message: a mail with its Message-ID that is the same to the last byte, but for what mail readers write into
 * a head; or at the very end the beginning of it, which may be cut off, for every byte of it comes again.
 */
export function findAgain(fd: number, sender: string, copy: Copy): Found | null {
  const head = identified(copy);
  if (head === null) return null;
  const id = fieldOf(head, 'Message-ID');
  const { size } = fstatSync(fd);
  const from = Math.max(0, size - TAIL - Math.ceil(copy.size * 1.25));
  const starts = findAll(fd, from, size, '\n\nFrom ').map((at) => at + 2);
  if (from === 0 && textAt(fd, 0, 5) === 'From ') starts.unshift(0);
  const ids = findAll(fd, from, size, `\nMessage-ID: ${id}\n`);
  const isThere = ids.some((at) => {
    const next = starts.findIndex((start) => start > at);
    const start = starts.at(next === -1 ? -1 : next - 1);
    if (start === undefined || start > at) return false;
    return isWhole(fd, placeAt(fd, start, starts[next] ?? size), head, copy);
  });
  if (isThere) return { kind: 'whole' };
  const last = starts.at(-1);
  return last !== undefined && isPart(fd, placeAt(fd, last, size), sender, copy)
    ? { kind: 'part', start: last }
    : null;
}

/** The head of a message; null: it has none, or no Message-ID, by which it could be told from another one. */
export function identified(copy: Copy): string | null {
  const head = headOf(fromBytes(copy.read(0, HEAD_LIMIT)));
  return head === null || fieldOf(head, 'Message-ID') === '' ? null : head;
}

/** Where a text begins, each time. */
function findAll(fd: number, from: number, to: number, text: string): number[] {
  const found: number[] = [];
  for (let at = from; at < to; at += PIECE) {
    const length = Math.min(PIECE + text.length - 1, to - at);
    const piece = textAt(fd, at, length);
    for (let here = piece.indexOf(text); here !== -1; here = piece.indexOf(text, here + 1))
      found.push(at + here);
  }
  return found;
}

function placeAt(fd: number, start: number, end: number): Place {
  const line = textAt(fd, start, Math.min(end - start, 2048)).indexOf('\n');
  return { start, begin: line === -1 ? end : start + line + 1, end };
}

function isWhole(fd: number, { begin, end }: Place, head: string, copy: Copy): boolean {
  const theirs = headOf(textAt(fd, begin, Math.min(end - begin, HEAD_LIMIT)));
  if (theirs === null || asWritten(theirs) !== asWritten(head)) return false;
  let at = begin + theirs.length;
  let behind = head.length;
  for (const piece of quoted(copy)) {
    const text = piece.slice(behind);
    behind = Math.max(0, behind - piece.length);
    if (textAt(fd, at, text.length) !== text) return false;
    at += text.length;
  }
  // A mail reader may leave any number of empty lines between two mails.
  return at <= end && /^\n*$/.test(textAt(fd, at, Math.min(end - at, 16)));
}

/** Whether all that is there is what we write first. */
function isPart(fd: number, { start, begin, end }: Place, sender: string, copy: Copy): boolean {
  const line = textAt(fd, start, begin - start);
  const ours = `From ${sender} `;
  if (!line.endsWith('\n'))
    return ours.startsWith(line) || (line.startsWith(ours) && line.length <= ours.length + DATE);
  let at = begin;
  for (const piece of quoted(copy)) {
    if (at >= end) break;
    const text = textAt(fd, at, Math.min(piece.length, end - at));
    if (!piece.startsWith(text)) return false;
    at += text.length;
  }
  return at >= end;
}

/** The message as it stands in an mbox, up to the end of its last line. */
function* quoted(copy: Copy): Iterable<string> {
  const quoting = new FromQuoting();
  for (let at = 0; at < copy.size; at += PIECE) yield quoting.take(fromBytes(copy.read(at, PIECE)));
  yield quoting.end().slice(0, -1);
}

/** Up to and with the empty line. */
function headOf(text: string): string | null {
  const end = text.indexOf('\n\n');
  return end === -1 ? null : text.slice(0, end + 2);
}

/** What mail readers write into the heads of mails that they have shown or counted. */
const READERS =
  /^(?:Status|X-Status|Content-Length|Lines|X-UID|X-IMAP|X-IMAPbase|X-Keywords|X-Mozilla-Status2?|X-Mozilla-Keys):.*\n(?:[ \t].*\n)*/gim;

function asWritten(head: string): string {
  return head.replaceAll(READERS, '');
}

function textAt(fd: number, position: number, length: number): string {
  const bytes = Buffer.alloc(length);
  let got = 0;
  while (got < length) {
    const count = readSync(fd, bytes, got, length - got, position + got);
    if (count === 0) break;
    got += count;
  }
  return fromBytes(bytes.subarray(0, got));
}
