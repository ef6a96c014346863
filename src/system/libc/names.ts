/** Users and groups as the name service knows them: passwd(5), group(5), LDAP... */
import { call, failed, libc, struct } from './native.ts';

// As glibc and musl lay them out on every architecture of Linux.
struct('passwd', {
  name: 'str',
  password: 'str',
  uid: 'uint32',
  gid: 'uint32',
  gecos: 'str',
  home: 'str',
  shell: 'str',
});
struct('group', { name: 'str', password: 'str', gid: 'uint32', members: 'void *' });

const c = {
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
};

const ERANGE = 34;
const PASSWD_BUFFER = 64 * 1024; // larger than any line that nss hands out
/** nss modules also say EPERM, ENOENT, ESRCH or EBADF for "not found" (getpwnam(3)). */
const NOT_FOUND: readonly number[] = [0, 1, 2, 3, 9];

/** A line of the user database. */
export interface Passwd {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

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
