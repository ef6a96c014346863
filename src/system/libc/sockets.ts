/** Sockets of unix beyond Node's: datagrams, and who is at the other end. */
import { closeDescriptor, O_CLOEXEC } from './descriptors.ts';
import { array, check, failed, libc, struct } from './native.ts';

// As glibc and musl lay them out on every architecture of Linux.
struct('ucred', { pid: 'int32', uid: 'uint32', gid: 'uint32' });
struct('sockaddr_un', { family: 'uint16', path: array('char', 108) });
// The kernel's, of 64 bits; musl's has narrower counts there, and padding.
struct('iovec', { base: 'uint8 *', length: 'size_t' });
struct('msghdr', {
  name: 'void *',
  nameLength: 'size_t',
  data: 'iovec *',
  count: 'size_t',
  control: 'uint8 *',
  controlLength: 'size_t',
  flags: 'size_t',
});

const c = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  connect: libc.func('int connect(int fd, sockaddr_un *address, uint32 length)'),
  setsockopt: libc.func(
    'int setsockopt(int fd, int level, int name, const uint8 *value, uint32 length)',
  ),
  getsockopt: libc.func(
    'int getsockopt(int fd, int level, int name, _Out_ ucred *value, _Inout_ uint32 *length)',
  ),
  sendmsg: libc.func('intptr_t sendmsg(int fd, msghdr *message, int flags)'),
  send: libc.func('intptr_t send(int fd, const uint8 *data, size_t length, int flags)'),
};

const SOL_SOCKET = 1;
const SO_SNDTIMEO = 21;
const SO_PEERCRED = 17;
/** How long a reader that is behind is waited for: a tenth of a second, as `struct timeval`. */
const SEND_PATIENCE = Buffer.from(new BigInt64Array([0n, 100_000n]).buffer);
const MSG_NOSIGNAL = 0x4000;

/** Open a datagram connection to a unix socket, such as /dev/log. */
export function datagramSocket(path: string): number {
  const fd = check('socket', c.socket(1, 2 | O_CLOEXEC, 0));
  c.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, SEND_PATIENCE, 16);
  if (c.connect(fd, { family: 1, path }, 2 + Buffer.byteLength(path) + 1) === 0) return fd;
  const error = failed(`connect ${path}`);
  closeDescriptor(fd);
  throw error;
}

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

const SCM_CREDENTIALS = 2;

/**
 * Send one datagram in the name of another process, which has to be alive; only root can.
 * @returns false when it could not be sent so
 */
export function sendAs(fd: number, data: Buffer, pid: number): boolean {
  // struct cmsghdr and the struct ucred in it, padded to 8 bytes.
  const control = Buffer.alloc(32);
  control.writeBigUInt64LE(28n, 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_CREDENTIALS, 12);
  control.writeInt32LE(pid, 16);
  const message = {
    name: null,
    nameLength: 0,
    data: { base: data, length: data.length },
    count: 1,
    control,
    controlLength: control.length,
    flags: 0,
  };
  return Number(c.sendmsg(fd, message, MSG_NOSIGNAL)) === data.length;
}

/** Send one datagram; a queue that is full is waited for a little. False when it could not be sent. */
export function send(fd: number, data: Buffer): boolean {
  return Number(c.send(fd, data, data.length, MSG_NOSIGNAL)) === data.length;
}
