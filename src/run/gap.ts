/** A file of output without its middle → one that reads on over it. */
import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { findHole, punchHole } from '../system/libc/blocks.ts';

/** Blocks of any file system are no larger, so that a hole begins and ends where it was made. */
export const BLOCK = 128 * 1024;
const NEWLINE = 10;

/**
 * Move what stands behind a file's hole up to what stands before it, with a line between the two
 * that says how much is missing. At every moment the file without its hole is what is to be kept,
 * in its order, so that a runner which dies in here costs nothing, and the next one goes on.
 *
 * @returns bytes that are missing
 */
export async function closeGap(fd: number): Promise<number> {
  const { size } = fstatSync(fd);
  const hole = findHole(fd, size);
  if (hole === null) return 0;
  const { from, to } = withinLines(fd, hole);
  const isLineEnd = from === 0 || at(fd, from - 1, 1)[0] === NEWLINE;
  const mark = Buffer.from(`${isLineEnd ? '' : '\n'}${leftOut(to - from)}`);
  let end = from;
  put(fd, mark, end);
  end += mark.length;
  const buffer = Buffer.allocUnsafeSlow(BLOCK); // one for all: V8 collects them late
  for (let next = to; next < size; next += BLOCK) {
    const bytes = buffer.subarray(0, readSync(fd, buffer, 0, BLOCK, next));
    put(fd, bytes, end);
    end += bytes.length;
    // Whole blocks behind us are free already; no more of the disk is needed than before.
    const free = next + bytes.length - ((next + bytes.length) % BLOCK);
    if (free > roundUp(end)) punchHole(fd, roundUp(end), free);
    await yieldToOthers();
  }
  ftruncateSync(fd, end);
  return to - from;
}

/** The line that stands where something is missing. */
export function leftOut(count: number): string {
  return `cron: ${count} bytes are left out here\n`;
}

/** Leave whole lines on both sides, if there are any nearby. */
function withinLines(fd: number, hole: { from: number; to: number }): typeof hole {
  const start = Math.max(0, hole.from - BLOCK);
  const before = at(fd, start, hole.from - start).lastIndexOf(NEWLINE);
  const after = at(fd, hole.to, BLOCK).indexOf(NEWLINE);
  return {
    from: before === -1 ? hole.from : start + before + 1,
    to: after === -1 ? hole.to : hole.to + after + 1,
  };
}

function roundUp(place: number): number {
  return Math.ceil(place / BLOCK) * BLOCK;
}

function at(fd: number, place: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, readSync(fd, bytes, 0, length, place));
}

function put(fd: number, bytes: Buffer, place: number): void {
  for (let done = 0; done < bytes.length;)
    done += writeSync(fd, bytes, done, bytes.length - done, place + done);
}
