/** The blocks of an open file: where it has some, getting them, giving them back, filling them from a pipe. */
import { check, libc } from './native.ts';

const c = {
  lseek: libc.func('int64 lseek(int fd, int64 offset, int whence)'),
  fallocate: fallocate(),
  splice: libc.func(
    'intptr splice(int from, void *none, int to, _Inout_ int64 *at, size_t length, uint flags)',
  ),
};

/** In musl, and on 64 bits, the name without a number is the one; glibc's of 32 bits would count in 32. */
function fallocate(): ReturnType<typeof libc.func> {
  const declared = (name: string): string =>
    `int ${name}(int fd, int mode, int64 offset, int64 length)`;
  try {
    return libc.func(declared('fallocate64'));
  } catch {
    return libc.func(declared('fallocate'));
  }
}

/** How far all who share an open file have read it. */
export function position(fd: number): number {
  const SEEK_CUR = 1;
  return check('lseek', Number(c.lseek(fd, 0, SEEK_CUR)));
}

/**
 * Give the blocks of a part of a file back; the rest stays where it is.
 * @throws EOPNOTSUPP on a file system that cannot
 */
export function punchHole(fd: number, from: number, to: number): void {
  const PUNCH_HOLE_KEEP_SIZE = 0x2 | 0x1;
  check('fallocate', c.fallocate(fd, PUNCH_HOLE_KEEP_SIZE, from, to - from));
}

/**
 * Get blocks for a part of a file that nothing is written to yet; it stays as long as it is.
 * @throws ENOSPC, and EOPNOTSUPP on a file system that cannot
 */
export function reserve(fd: number, from: number, length: number): void {
  const KEEP_SIZE = 0x1;
  check('fallocate', c.fallocate(fd, KEEP_SIZE, from, length));
}

/**
 * Put what is in a pipe into a file, without a copy through this process; how many bytes, at most so many. Nothing: the
 * pipe is empty, or it cannot be done so.
 * @param at where in the file
 */
export function fillFrom(pipe: number, fd: number, at: number, length: number): number {
  const NONBLOCK = 0x2;
  return Math.max(0, Number(c.splice(pipe, null, fd, [at], length, NONBLOCK)));
}

/** The first part of a file that has no blocks; null: there is none. */
export function findHole(fd: number, size: number): { from: number; to: number } | null {
  const [SEEK_DATA, SEEK_HOLE] = [3, 4];
  const from = Number(c.lseek(fd, 0, SEEK_HOLE));
  if (from === -1 || from >= size) return null;
  const to = Number(c.lseek(fd, from, SEEK_DATA));
  return { from, to: to === -1 ? size : to };
}
