/** Files in memory that have no name: one program gives them to another, sealed. */
import { check, libc } from './native.ts';

const c = {
  memfd_create: libc.func('int memfd_create(const char *name, unsigned int flags)'),
  fcntl: libc.func('int fcntl(int fd, int cmd, ...)'),
};

const F_ADD_SEALS = 1033;
const F_SEAL_SHRINK_GROW = 0x2 | 0x4;
const F_SEAL_ALL = 0x1 | F_SEAL_SHRINK_GROW | 0x8; // no further seal, and no write
const MFD_CLOEXEC_ALLOW_SEALING = 0x1 | 0x2;

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
