/** A file that somebody else may have put there → its bytes, through one descriptor, examined first. */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';

const { O_RDONLY, O_NONBLOCK, O_NOCTTY, O_NOFOLLOW } = constants;

/**
 * Open a file and look at what was opened, never at what its name may mean a moment later.
 * A FIFO does not hang, a terminal does not become ours, a symbolic link is refused unless followed.
 * @throws what open(2) and fstat(2) say
 */
export function withFile<T>(
  path: string,
  follow: boolean,
  work: (fd: number, stat: Stats) => T,
): T {
  const link = follow ? 0 : O_NOFOLLOW;
  const fd = openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | link);
  try {
    return work(fd, fstatSync(fd));
  } finally {
    closeSync(fd);
  }
}

/** Read to the end, at most `limit` bytes; null: there are more, whatever fstat(2) had `expected`. */
export function readAll(fd: number, expected: number, limit: number): Buffer | null {
  let buffer = Buffer.allocUnsafe(Math.min(expected, limit) + 1); // the end shows in one byte less
  let length = 0;
  for (;;) {
    const got = readSync(fd, buffer, length, buffer.length - length, null);
    if (got === 0) return buffer.subarray(0, length);
    length += got;
    if (length > limit) return null;
    // It grows while it is read, or is one of /proc.
    if (length === buffer.length) buffer = Buffer.concat([buffer], Math.min(2 * length, limit + 1));
  }
}
