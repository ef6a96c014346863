/** A file that grows line by line, also on a disk that is full: what it does not take is remembered and written later. */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { reserve } from '../system/libc/blocks.ts';
import { lock } from '../system/libc/locks.ts';
import { errorCode, reason } from '../system/failure.ts';

/** A file that this process appends to; locked as long as it does. */
export interface Appender {
  /** Bytes that are written. */
  readonly size: number;
  /** Write whole lines. True: a kill -9 cannot undo them; false: the disk does not take them yet. */
  write(text: string): boolean;
  /** Write what a full disk has not taken so far; whether all is written now. */
  flush(): boolean;
  close(): void;
}

/**
 * Begin a file.
 * @throws when it exists or cannot be locked
 */
export function createAppender(file: string, onTrouble: (why: string) => void): Appender {
  const fd = openSync(file, 'ax', 0o600);
  if (!lock(fd)) throw new Error(`Cannot lock the new file "${file}": somebody else did`);
  /** Lines, or the rest of one, that a full disk has not taken. */
  let waiting: Buffer[] = [];
  let size = 0;
  let reserved = 0;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): boolean => {
    clearTimeout(timer);
    const isFirst = waiting.length === 1;
    try {
      for (let [bytes] = waiting; bytes !== undefined; [bytes] = waiting) {
        const length = writeSync(fd, bytes);
        size += length;
        waiting = [...(length < bytes.length ? [bytes.subarray(length)] : []), ...waiting.slice(1)];
      }
    } catch (error) {
      // A full disk is no reason not to run a job.
      if (isFirst) onTrouble(reason(error));
      timer = setTimeout(flush, AGAIN);
      timer.unref();
    }
    if (reserved - size > RESERVE / 2) return waiting.length === 0;
    try {
      reserve(fd, size, RESERVE);
      reserved = size + RESERVE;
    } catch {
      // The disk is full already, or its file system does not do this.
    }
    return waiting.length === 0;
  };
  let isSyncing = false;
  let soon: NodeJS.Timeout | undefined;
  /** Bring what is written to the disk; lines that come soon, or while that is done, go together. */
  const sync = (): void => {
    soon ??= setTimeout(() => {
      soon = undefined;
      if (isSyncing) return sync();
      isSyncing = true;
      fdatasync(fd, () => (isSyncing = false));
    }, SOON);
  };
  return {
    get size() {
      return size;
    },
    write(text) {
      waiting.push(Buffer.from(text));
      if (waiting.length > WAITING_LIMIT) waiting.pop();
      const isWritten = flush();
      // Against a power cut only, and so not waited for: the minute's jobs must not start late.
      sync();
      return isWritten;
    },
    flush: () => waiting.length === 0 || flush(),
    close() {
      clearTimeout(timer);
      clearTimeout(soon);
      if (soon !== undefined) syncNow(fd);
      ftruncateSync(fd, fstatSync(fd).size); // gives back what was reserved
      closeSync(fd);
    },
  };
}

function syncNow(fd: number): void {
  try {
    fdatasyncSync(fd);
  } catch {
    // As where it is not waited for: a kill -9 cannot undo what is written.
  }
}

/** Room on the disk that a file has before it needs it, in bytes: jobs of a good while, on a disk that is full. */
const RESERVE = 256 * 1024;
/** What is written is brought to the disk after so long, in milliseconds. */
const SOON = 20;
/** Lines that the disk has not taken are written again after so long, in milliseconds. */
const AGAIN = 1000;
/** So many calls' lines are remembered meanwhile. */
const WAITING_LIMIT = 10_000;

/** Give back the room that a dead process's file will not need. */
export function trim(file: string): void {
  const { size, blocks } = statSync(file);
  if (blocks * 512 > size + RESERVE / 4) truncateSync(file, size);
}

/** Whether the writer of a file is gone: it is when its lock can be had. Null: the file itself is gone. */
export function isAbandoned(file: string): boolean | null {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
  try {
    return lock(fd);
  } finally {
    closeSync(fd);
  }
}
