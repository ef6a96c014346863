/** A mailbox file → its lock file, `FILE.lock`, by which mail programs keep each other out. */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  type Stats,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { errorCode } from '../system/failure.ts';

/** A lock file of ours; `null` in its place: the directory lets nobody make one. */
export interface Dotlock {
  release(): void;
}

/** Older than this, in milliseconds, nobody believes a lock file any more (liblockfile: five minutes). */
const STALE = 5 * 60_000;
/**
 * One whose process is gone is given up this soon; not at once, for that process may live on another
 * machine that has the mailboxes too, or in another container.
 */
const STALE_DEAD = 60_000;

/**
 * Take the lock file, or say at once that somebody else has it. One that was left behind is removed:
 * the mailbox's record lock is held by now, so that two of us never do that at once.
 */
export function takeDotlock(file: string): Dotlock | 'taken' | null {
  const path = `${file}.lock`;
  let fd: number;
  try {
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    fd = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EEXIST') return (removeStale(path), 'taken');
    // Then no other program that runs as its user can make one either.
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return null;
    throw error;
  }
  const ours = fstatSync(fd);
  const release = (): void => remove(path, ours);
  try {
    writeSync(fd, `${process.pid}\n`);
  } catch (error) {
    release();
    throw error;
  } finally {
    closeSync(fd);
  }
  return { release };
}

function removeStale(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile()) return;
  const age = Date.now() - stat.mtimeMs;
  if (age > STALE || (age > STALE_DEAD && isOfTheDead(path))) remove(path, stat);
}

/** Whether it names a process that is not there; many programs write none, or 0. */
function isOfTheDead(path: string): boolean {
  const pid = Number(/^([1-9]\d{0,9})\s*$/.exec(readHead(path))?.[1]);
  return pid > 0 && !isThere(pid);
}

function readHead(path: string): string {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const head = Buffer.alloc(16);
      return head.toString('latin1', 0, readSync(fd, head));
    } finally {
      closeSync(fd);
    }
  } catch {
    return ''; // not for us to read, or gone
  }
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}

/** Remove the lock file if it is still that one. */
function remove(path: string, { dev, ino }: Stats): void {
  try {
    const stat = lstatSync(path);
    if (stat.dev === dev && stat.ino === ino) unlinkSync(path);
  } catch {
    // Gone, or in a directory where only its owner may remove it.
  }
}
