/** Descriptors that Node cannot make or change: pipes, copies, close-on-exec, their limit. */
import { check, libc, struct } from './native.ts';

// As glibc and musl lay it out on every architecture of Linux.
struct('rlimit', { soft: 'uint64', hard: 'uint64' });

const c = {
  pipe2: libc.func('int pipe2(_Out_ int *fds, int flags)'),
  dup2: libc.func('int dup2(int from, int to)'),
  fcntl: libc.func('int fcntl(int fd, int cmd, ...)'),
  getrlimit: libc.func('int getrlimit(int resource, _Out_ rlimit *limit)'),
  close: libc.func('int close(int fd)'),
};

/** Of open(2), socket(2), pipe2(2): keep it from the programs that are started. */
export const O_CLOEXEC = 0o2000000;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const F_SETPIPE_SZ = 1031;
const RLIMIT_NOFILE = 7;

/** Make a real pipe, close-on-exec on both ends; `size` asks for a larger buffer, as far as the system allows. */
export function pipe(size?: number): { read: number; write: number } {
  const fds: [number, number] = [-1, -1];
  check('pipe2', c.pipe2(fds, O_CLOEXEC));
  // Refused beyond /proc/sys/fs/pipe-user-pages-soft: the pipe then keeps its 64 KiB.
  if (size !== undefined) c.fcntl(fds[0], F_SETPIPE_SZ, 'int', size);
  return { read: fds[0], write: fds[1] };
}

/** Make one for a program's input and one, of that size, for its output; both or none. */
export function twoPipes(size?: number): [ReturnType<typeof pipe>, ReturnType<typeof pipe>] {
  const first = pipe();
  try {
    return [first, pipe(size)];
  } catch (error) {
    closeDescriptor(first.read);
    closeDescriptor(first.write);
    throw error;
  }
}

/** Make descriptor `to` the same open file as `from`. */
export function dup2(from: number, to: number): void {
  check('dup2', c.dup2(from, to));
}

/** Keep a descriptor from the programs that are started. */
export function closeOnExec(fd: number): void {
  check('fcntl', c.fcntl(fd, F_SETFD, 'int', FD_CLOEXEC));
}

/** Close a descriptor that Node knows nothing of. */
export function closeDescriptor(fd: number): void {
  c.close(fd);
}

/** The soft and hard limit of open descriptors of this process; Infinity for none. */
export function descriptorLimit(): { soft: number; hard: number } {
  const limit: { soft?: number | bigint; hard?: number | bigint } = {};
  check('getrlimit', c.getrlimit(RLIMIT_NOFILE, limit));
  const finite = (value: number | bigint | undefined): number =>
    Number(value) > 2 ** 40 ? Infinity : Number(value);
  return { soft: finite(limit.soft), hard: finite(limit.hard) };
}
