/** The path of an mbox → its open file, which is this user's own and which nobody else writes to. */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  type Stats,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { errorCode } from '../system/failure.ts';
import { lockRecords } from '../system/libc/locks.ts';
import { takeDotlock } from './dotlock.ts';

export interface Held {
  /** For reading and appending. */
  readonly fd: number;
  /** Close it, and let others at it. */
  release(): void;
}

/**
 * Open a mailbox with the locks that Debian's policy (11.6) wants: fcntl's first, then the lock file; and when
 * one of them cannot be had, neither is kept. A mailbox that is not there is made.
 * @param patience how long others are waited for, in milliseconds
 * @throws when the file is not the user's own plain file with one name, or stays locked
 */
export async function holdMailbox(
  file: string,
  patience: number,
  signal: AbortSignal,
): Promise<Held> {
  const deadline = performance.now() + patience;
  for (;;) {
    const held = tryToHold(file);
    if (typeof held === 'object') return held;
    if (performance.now() > deadline)
      throw new Error(`"${file}" is locked by another program (${held})`);
    await pause(50 + Math.random() * 100, undefined, { signal });
  }
}

/** The held file, or what stood in the way this time. */
function tryToHold(file: string): Held | string {
  const fd = openOwn(file);
  if (fd === null) return 'it comes and goes';
  let obstacle = 'fcntl';
  try {
    if (lockRecords(fd)) {
      const dotlock = takeDotlock(file);
      obstacle = `"${file}.lock"`;
      if (dotlock !== 'taken') {
        // A mail reader removes a mailbox that it has emptied, while it holds the locks.
        if (isThat(file, fstatSync(fd)))
          return {
            fd,
            release: () => {
              dotlock?.release();
              closeSync(fd);
            },
          };
        dotlock?.release();
        obstacle = 'it comes and goes';
      }
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  closeSync(fd);
  return obstacle;
}

const { O_RDWR, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Open the file if it is what it should be. Null: it came or went this moment. */
function openOwn(file: string): number | null {
  // Looked at first, for opening alone does something to some devices and FIFOs.
  const before = lstatSync(file, { throwIfNoEntry: false });
  if (before === undefined) return make(file);
  refuseStrange(file, before);
  let fd: number;
  try {
    fd = openSync(file, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (stat.nlink > 0) {
      refuseStrange(file, stat);
      return fd;
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  closeSync(fd);
  return null;
}

/** Make an empty mailbox, for its user alone. */
function make(file: string): number | null {
  let fd: number;
  try {
    fd = openSync(file, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return null;
    throw error;
  }
  syncDirectory(dirname(file));
  return fd;
}

/** Let the names in a directory survive a power cut, as far as its user may see to that. */
export function syncDirectory(directory: string): void {
  try {
    const fd = openSync(directory, constants.O_RDONLY);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // May not be read, or its file system does not do this.
  }
}

function refuseStrange(file: string, stat: Stats): void {
  const wrong = strangeness(stat);
  if (wrong !== null) throw new Error(`"${file}" ${wrong}`);
}

function strangeness(stat: Stats): string | null {
  if (stat.isSymbolicLink()) return 'is a symbolic link';
  if (stat.isDirectory()) return 'is a directory';
  if (!stat.isFile()) return 'is not a plain file';
  if (stat.nlink !== 1) return 'has more than one name';
  if (stat.uid !== process.geteuid?.()) return 'belongs to another user';
  return null;
}

function isThat(file: string, { dev, ino }: Stats): boolean {
  const now = lstatSync(file, { throwIfNoEntry: false });
  return now?.dev === dev && now.ino === ino;
}
