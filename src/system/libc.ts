/** The system calls that Node lacks, by way of koffi; nothing else in the house calls it. */
import koffi from 'koffi';
import { getSystemErrorMap } from 'node:util';

const libc = koffi.load(null);

// As glibc and musl lay them out on every architecture of Linux.
koffi.struct('passwd', {
  name: 'str',
  password: 'str',
  uid: 'uint32',
  gid: 'uint32',
  gecos: 'str',
  home: 'str',
  shell: 'str',
});
koffi.struct('group', { name: 'str', password: 'str', gid: 'uint32', members: 'void *' });
koffi.struct('rlimit', { soft: 'uint64', hard: 'uint64' });
koffi.struct('ucred', { pid: 'int32', uid: 'uint32', gid: 'uint32' });
koffi.struct('sockaddr_un', { family: 'uint16', path: koffi.array('char', 108) });

const c = {
  pipe2: libc.func('int pipe2(_Out_ int *fds, int flags)'),
  dup2: libc.func('int dup2(int from, int to)'),
  fcntl: libc.func('int fcntl(int fd, int cmd, ...)'),
  lseek: libc.func('int64 lseek(int fd, int64 offset, int whence)'),
  fallocate64: libc.func('int fallocate64(int fd, int mode, int64 offset, int64 length)'),
  flock: libc.func('int flock(int fd, int operation)'),
  memfd_create: libc.func('int memfd_create(const char *name, unsigned int flags)'),
  getpwnam_r: libc.func(
    'int getpwnam_r(const char *name, _Out_ passwd *pwd, _Out_ uint8 *buffer, size_t size, _Out_ void **result)',
  ),
  getpwuid_r: libc.func(
    'int getpwuid_r(uint32 uid, _Out_ passwd *pwd, _Out_ uint8 *buffer, size_t size, _Out_ void **result)',
  ),
  getgrouplist: libc.func(
    'int getgrouplist(const char *user, uint32 group, _Out_ uint32 *groups, _Inout_ int *count)',
  ),
  getgrnam_r: libc.func(
    'int getgrnam_r(const char *name, _Out_ group *grp, _Out_ uint8 *buffer, size_t size, _Out_ void **result)',
  ),
  getrlimit: libc.func('int getrlimit(int resource, _Out_ rlimit *limit)'),
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  connect: libc.func('int connect(int fd, sockaddr_un *address, uint32 length)'),
  setsockopt: libc.func(
    'int setsockopt(int fd, int level, int name, const uint8 *value, uint32 length)',
  ),
  getsockopt: libc.func(
    'int getsockopt(int fd, int level, int name, _Out_ ucred *value, _Inout_ uint32 *length)',
  ),
  send: libc.func('intptr_t send(int fd, const uint8 *data, size_t length, int flags)'),
  newlocale: libc.func('void *newlocale(int mask, const char *locale, void *base)'),
  freelocale: libc.func('void freelocale(void *locale)'),
  nl_langinfo_l: libc.func('const char *nl_langinfo_l(int item, void *locale)'),
};

const O_CLOEXEC = 0o2000000;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const F_SETPIPE_SZ = 1031;
const F_ADD_SEALS = 1033;
const F_SEAL_SHRINK_GROW = 0x2 | 0x4;
const F_SEAL_ALL = 0x1 | F_SEAL_SHRINK_GROW | 0x8; // no further seal, and no write
const MFD_CLOEXEC_ALLOW_SEALING = 0x1 | 0x2;
const LOCK_EX_NB = 2 | 4;
const F_OFD_SETLK = 37;
const RLIMIT_NOFILE = 7;
const EWOULDBLOCK = 11;
const EACCES = 13;
const ERANGE = 34;

/** A failed system call, with errno's name as `code`, as Node's own errors carry it. */
function failed(syscall: string, errno = koffi.errno()): NodeJS.ErrnoException {
  const [code = `errno ${errno}`, text = 'unknown error'] = getSystemErrorMap().get(-errno) ?? [];
  return Object.assign(new Error(`${syscall}: ${text} (${code})`), {
    code,
    errno: -errno,
    syscall,
  });
}

function check(syscall: string, result: number): number {
  if (result === -1) throw failed(syscall);
  return result;
}

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
    close(first.read);
    close(first.write);
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

/** Take the exclusive lock of an open file, or say at once that somebody else holds it. */
export function lock(fd: number): boolean {
  if (c.flock(fd, LOCK_EX_NB) === 0) return true;
  const errno = koffi.errno();
  if (errno === EWOULDBLOCK) return false;
  throw failed('flock', errno);
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
  const errno = koffi.errno();
  if (errno === EWOULDBLOCK || errno === EACCES) return false;
  throw failed('fcntl', errno);
}

/** Make a nameless file in memory; `seal` it once it has its size. */
export function memoryFile(name: string): number {
  return check('memfd_create', c.memfd_create(name, MFD_CLOEXEC_ALLOW_SEALING));
}

/** Let nobody change the size of a memory file any more. */
export function seal(fd: number): void {
  check('fcntl', c.fcntl(fd, F_ADD_SEALS, 'int', F_SEAL_SHRINK_GROW));
}

/** Let nobody change anything in a memory file any more. */
export function freeze(fd: number): void {
  check('fcntl', c.fcntl(fd, F_ADD_SEALS, 'int', F_SEAL_ALL));
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
  check('fallocate', c.fallocate64(fd, PUNCH_HOLE_KEEP_SIZE, from, to - from));
}

/**
 * Get blocks for a part of a file that nothing is written to yet; it stays as long as it is.
 * @throws ENOSPC, and EOPNOTSUPP on a file system that cannot
 */
export function reserve(fd: number, from: number, length: number): void {
  const KEEP_SIZE = 0x1;
  check('fallocate', c.fallocate64(fd, KEEP_SIZE, from, length));
}

/** The first part of a file that has no blocks; null: there is none. */
export function findHole(fd: number, size: number): { from: number; to: number } | null {
  const [SEEK_DATA, SEEK_HOLE] = [3, 4];
  const from = Number(c.lseek(fd, 0, SEEK_HOLE));
  if (from === -1 || from >= size) return null;
  const to = Number(c.lseek(fd, from, SEEK_DATA));
  return { from, to: to === -1 ? size : to };
}

/** The soft and hard limit of open descriptors of this process; Infinity for none. */
export function descriptorLimit(): { soft: number; hard: number } {
  const limit: { soft?: number | bigint; hard?: number | bigint } = {};
  check('getrlimit', c.getrlimit(RLIMIT_NOFILE, limit));
  const finite = (value: number | bigint | undefined): number =>
    Number(value) > 2 ** 40 ? Infinity : Number(value);
  return { soft: finite(limit.soft), hard: finite(limit.hard) };
}

/** A line of the user database. */
export interface Passwd {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

const PASSWD_BUFFER = 64 * 1024; // larger than any line that nss hands out

/** Look a user up by name, on another thread: a slow LDAP must not stop the clock. Null: no such user. */
export async function getpwnam(name: string): Promise<Passwd | null> {
  const found: Partial<Passwd> = {};
  const result: [unknown] = [null];
  const status = await call(
    c.getpwnam_r,
    name,
    found,
    Buffer.alloc(PASSWD_BUFFER),
    PASSWD_BUFFER,
    result,
  );
  return passwd('getpwnam_r', status, found, result[0]);
}

/** Look a user up by number, on another thread. Null: no such user. */
export async function findUid(uid: number): Promise<Passwd | null> {
  const found: Partial<Passwd> = {};
  const result: [unknown] = [null];
  const buffer = Buffer.alloc(PASSWD_BUFFER);
  const status = await call(c.getpwuid_r, uid, found, buffer, PASSWD_BUFFER, result);
  return passwd('getpwuid_r', status, found, result[0]);
}

/** Look a user up by number, at once; for a command, not for a daemon. Null: no such user. */
export function getpwuid(uid: number): Passwd | null {
  const found: Partial<Passwd> = {};
  const result: [unknown] = [null];
  const status: number = c.getpwuid_r(
    uid,
    found,
    Buffer.alloc(PASSWD_BUFFER),
    PASSWD_BUFFER,
    result,
  );
  return passwd('getpwuid_r', status, found, result[0]);
}

/** nss modules also say EPERM, ENOENT, ESRCH or EBADF for "not found" (getpwnam(3)). */
const NOT_FOUND: readonly number[] = [0, 1, 2, 3, 9];
/** The full name of a user, as the first part of GECOS has it; '' where there is none. A byte string. */
export function fullName(uid: number): string {
  const found: { name?: string; gecos?: string | null } = {};
  const result: [unknown] = [null];
  c.getpwuid_r(uid, found, Buffer.alloc(PASSWD_BUFFER), PASSWD_BUFFER, result);
  if (result[0] === null) return '';
  const [full = ''] = (found.gecos ?? '').split(',', 1);
  const { name = '' } = found;
  // By an old custom an ampersand is the user's name.
  return Buffer.from(
    full.replaceAll('&', `${name.charAt(0).toUpperCase()}${name.slice(1)}`),
  ).toString('latin1');
}

function passwd(
  name: string,
  status: number,
  found: Partial<Passwd>,
  result: unknown,
): Passwd | null {
  if (status === ERANGE) throw failed(name, status);
  if (result === null && !NOT_FOUND.includes(status)) throw failed(name, status);
  if (result === null) return null;
  const { name: user = '', uid = -1, gid = -1, home, shell } = found;
  return { name: user, uid, gid, home: home || '/', shell: shell || '/bin/sh' };
}

/** Look the number of a group up by its name, on another thread. Null: no such group. */
export async function getgrnam(name: string): Promise<number | null> {
  const found: { gid?: number } = {};
  const result: [unknown] = [null];
  for (let room = PASSWD_BUFFER; room <= 256 * PASSWD_BUFFER; room *= 16) {
    const status = await call(c.getgrnam_r, name, found, Buffer.alloc(room), room, result);
    if (status === ERANGE) continue; // a group with very many members
    if (result[0] !== null) return found.gid ?? null;
    if (NOT_FOUND.includes(status)) return null;
    throw failed('getgrnam_r', status);
  }
  throw failed('getgrnam_r', ERANGE);
}

/** All groups of a user, the primary one among them, on another thread. */
export async function getgrouplist(name: string, gid: number): Promise<number[]> {
  for (let room = 64; room <= 65536; room *= 4) {
    const groups = new Uint32Array(room);
    const count: [number] = [room];
    const status = await call(c.getgrouplist, name, gid, groups, count);
    if (status !== -1) return [...groups.subarray(0, count[0])];
  }
  throw new Error(`getgrouplist: user "${name}" has more than 65536 groups`);
}

/** Call a function of libc on a thread of its own; its result is its status. */
function call(routine: typeof c.getgrouplist, ...args: unknown[]): Promise<number> {
  return new Promise((resolve, reject) => {
    routine.async(...args, (error: Error | null, status: number) => {
      if (error) reject(error);
      else resolve(status);
    });
  });
}

/** Open a datagram connection to a unix socket, such as /dev/log. */
export function datagramSocket(path: string): number {
  const fd = check('socket', c.socket(1, 2 | O_CLOEXEC, 0));
  c.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, SEND_PATIENCE, 16);
  if (c.connect(fd, { family: 1, path }, 2 + Buffer.byteLength(path) + 1) === 0) return fd;
  const error = failed(`connect ${path}`);
  closeDescriptor(fd);
  throw error;
}

const close = libc.func('int close(int fd)');

/** Close a descriptor that Node knows nothing of. */
export function closeDescriptor(fd: number): void {
  close(fd);
}

const SOL_SOCKET = 1;
const SO_SNDTIMEO = 21;
const SO_PEERCRED = 17;
/** How long a reader that is behind is waited for: a tenth of a second, as `struct timeval`. */
const SEND_PATIENCE = Buffer.from(new BigInt64Array([0n, 100_000n]).buffer);
const MSG_NOSIGNAL = 0x4000;

/** A process as the kernel knows it. */
export interface Peer {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Who connected to this unix socket: the effective ids of that moment, which nobody can forge. */
export function peerCredentials(fd: number): Peer {
  const peer: Partial<Peer> = {};
  check('getsockopt', c.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, [12]));
  const { pid, uid, gid } = peer;
  if (pid === undefined || uid === undefined || gid === undefined)
    throw new Error('getsockopt: no credentials');
  return { pid, uid, gid };
}

/** Send one datagram; a queue that is full is waited for a little. False when it could not be sent. */
export function send(fd: number, data: Buffer): boolean {
  return Number(c.send(fd, data, data.length, MSG_NOSIGNAL)) === data.length;
}

/** The character set of this process's locale, as nl_langinfo(CODESET) names it. */
export function codeset(): string {
  const LC_CTYPE_MASK = 1;
  const CODESET = 14;
  // A locale that is not installed is the C locale, as after a failed setlocale(LC_ALL, "").
  const locale: unknown =
    c.newlocale(LC_CTYPE_MASK, '', null) ?? c.newlocale(LC_CTYPE_MASK, 'C', null);
  const name = String(c.nl_langinfo_l(CODESET, locale));
  c.freelocale(locale);
  return name;
}
