/** The pid file: its lock says that there is one cron, as Debian's does. */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { EXIT, Failure, reason } from '../system/failure.ts';
import { lock } from '../system/libc/locks.ts';
import { startTime } from '../system/process.ts';

/** The lock of this process, held until it ends. */
export interface PidFile {
  /** Leave in order: the file goes, the lock with it. */
  remove(): void;
}

/**
 * Take the lock and write our pid.
 * @throws {Failure} when another cron holds it, or the file cannot be made
 */
export function lockPidFile(path: string): PidFile {
  const fd = open(path);
  if (!lock(fd)) {
    if (isStale(path)) {
      // Whoever can read the file can lock it, also when the cron that wrote it is dead: it is left to him.
      closeSync(fd);
      rmSync(path, { force: true });
      return lockPidFile(path);
    }
    const other = readFileSync(fd, 'utf8').trim() || 'unknown';
    closeSync(fd);
    throw new Failure(
      `can't lock ${path}, otherpid may be ${other}: another cron is running; stop it first, or give this one a [paths] pidfile of its own`,
      { exit: EXIT.FAILURE },
    );
  }
  if (statSync(path, { throwIfNoEntry: false })?.ino !== fstatSync(fd).ino) {
    // A cron that has just left took the name with it: this lock is one that nobody would meet.
    closeSync(fd);
    return lockPidFile(path);
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`, 0);
  // Opened 0600, so that nobody else can hold the lock before us; all may read it from now on.
  fchmodSync(fd, 0o644);
  return {
    remove() {
      rmSync(path, { force: true }); // somebody may have tidied up
      closeSync(fd);
    },
  };
}

/** A cron that has just taken the lock writes its pid within that time, in milliseconds. */
const WRITING = 300;

/** Whether the file names a process that is gone, and goes on doing so. */
function isStale(path: string): boolean {
  const isGone = (): boolean => {
    const pid = Number(readFileSync(path, 'utf8'));
    return Number.isInteger(pid) && pid > 0 && startTime(pid) === null;
  };
  if (!isGone()) return false;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WRITING);
  return isGone();
}

function open(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    throw new Failure(`can't open or create ${path}: ${reason(error)}`, {
      exit: EXIT.CANNOT_CREATE,
      cause: error,
    });
  }
}
