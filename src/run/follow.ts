/** A run that is watched → its output, as it comes, read from its file: no reader holds up the job. */
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { errorCode } from '../system/failure.ts';
import { findHole } from '../system/libc/blocks.ts';
import { leftOut } from './gap.ts';
import type { Watch } from './watches.ts';

/** How often a file is looked at while nothing comes, in milliseconds. */
const POLL = 100;
const PIECE = 64 * 1024;

/** Output, and the place of the byte that comes after it. */
export interface Piece {
  readonly bytes: Buffer;
  readonly next: number;
}

/**
 * Read the output of a run from that place on, until nothing more will come.
 * @yields null: nothing new for now
 */
export async function* follow(
  file: string,
  watch: Watch,
  from = 0,
): AsyncGenerator<Piece | null, void> {
  let handle: FileHandle | null = null;
  try {
    for (let at = from; ;) {
      const { phase } = watch; // before it is read: what is read then is all there is
      handle ??= await openIfThere(file);
      const piece = handle === null ? null : await pieceAt(handle, at, watch);
      if (piece !== null) {
        at = piece.next;
        yield piece;
      } else if (phase === 'over' || phase === 'lost' || phase === 'gone') {
        const rest = watch.size - at;
        // A full disk; or the middle of it has been taken out, and its reader was too slow.
        if (rest > 0) yield { bytes: Buffer.from(notShown(rest)), next: at };
        return;
      } else {
        yield null;
        await pause(POLL);
      }
    }
  } finally {
    await handle?.close();
  }
}

function notShown(count: number): string {
  return `cron: ${count} bytes of this output are not shown\n`;
}

async function openIfThere(file: string): Promise<FileHandle | null> {
  try {
    return await open(file);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Read what is at a place; null: nothing is, yet. */
async function pieceAt(handle: FileHandle, at: number, watch: Watch): Promise<Piece | null> {
  if (isLate(watch)) return null;
  const { size } = await handle.stat();
  if (at >= size) return null;
  const hole = findHole(handle.fd, size);
  const isBefore = hole !== null && at < hole.from;
  const bytes = Buffer.allocUnsafe(Math.min(PIECE, (isBefore ? hole.from : size) - at));
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, at);
  // The hole grows while we read, and the job's end changes what is behind it.
  if (isLate(watch)) return null;
  const now = findHole(handle.fd, size);
  if (now !== null && at >= now.from && at < now.to)
    return { bytes: Buffer.from(`\n${leftOut(now.to - at)}`), next: now.to };
  return { bytes: bytes.subarray(0, bytesRead), next: at + bytesRead };
}

/** Whether the file may have been changed since: its mail has what is left. */
function isLate({ until }: Watch): boolean {
  return performance.now() > until;
}
