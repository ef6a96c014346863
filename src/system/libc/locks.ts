/** The locks that others hold files by: flock(2), and fcntl(2) records. */
import { errno, failed, libc } from './native.ts';

const c = {
  flock: libc.func('int flock(int fd, int operation)'),
  fcntl: libc.func('int fcntl(int fd, int cmd, ...)'),
};

const LOCK_EX_NB = 2 | 4;
const F_OFD_SETLK = 37;
const EWOULDBLOCK = 11;
const EACCES = 13;

/** Take the exclusive lock of an open file, or say at once that somebody else holds it. */
export function lock(fd: number): boolean {
  if (c.flock(fd, LOCK_EX_NB) === 0) return true;
  const number = errno();
  if (number === EWOULDBLOCK) return false;
  throw failed('flock', number);
}

/**
 * Take the record lock (fcntl) of a whole file that is open for writing, or say at once that somebody else
 * holds it. It is the open file's (OFD) and not this process's, and keeps out those of either kind; flock(2)
 * is another matter.
 */
export function lockRecords(fd: number): boolean {
  const F_WRLCK = 1;
  // struct flock, as on every 64-bit Linux: type, whence (from the start), start and length (all), pid (none).
  const range = Buffer.alloc(32);
  range.writeInt16LE(F_WRLCK);
  if (c.fcntl(fd, F_OFD_SETLK, 'void *', range) === 0) return true;
  const number = errno();
  if (number === EWOULDBLOCK || number === EACCES) return false;
  throw failed('fcntl', number);
}
