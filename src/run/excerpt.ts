/** A body that is too long → how much of its head and its tail there is room for, in whole lines. */
import type { Body } from './output.ts';

/** The bytes before `head`, and those from `tail` on; they are equal when nothing is left out. */
export interface Excerpt {
  readonly head: number;
  readonly tail: number;
  /** There was no end of a line near the end of the head. */
  readonly isInLine: boolean;
}

/** The end of a line is looked for in so many bytes. */
const NEARBY = 64 * 1024;
const NEWLINE = 10;

/** Choose what of a body goes into so much room. */
export async function excerptOf(body: Body, room: number): Promise<Excerpt> {
  if (body.size <= room) return { head: body.size, tail: body.size, isInLine: false };
  const head = Math.floor(room / 2);
  const tail = body.size - (room - head);
  const start = Math.max(0, head - NEARBY);
  const before = await read(body, start, head + 1);
  const after = await read(body, tail, Math.min(tail + NEARBY, body.size));
  const last = before.lastIndexOf(NEWLINE, -2);
  const next = after.indexOf(NEWLINE);
  return {
    isInLine: last === -1,
    head: start + (last === -1 ? wholeCharacters(before, head - start) : last + 1),
    tail: tail + (next === -1 ? characterAt(after) : next + 1),
  };
}

async function read(body: Body, from: number, to: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body.chunks(from, to)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** The place at or before `end` where a character of UTF-8 begins. */
function wholeCharacters(bytes: Buffer, end: number): number {
  for (let at = end; at > end - 4 && at >= 0; at--) if (!isContinuation(bytes[at])) return at;
  return end;
}

/** The first place where a character of UTF-8 begins. */
function characterAt(bytes: Buffer): number {
  const at = bytes.subarray(0, 4).findIndex((byte) => !isContinuation(byte));
  if (at !== -1) return at;
  return bytes.length < 4 ? bytes.length : 0; // the rest of one, or no UTF-8
}

function isContinuation(byte = 0): boolean {
  return byte >> 6 === 2;
}
