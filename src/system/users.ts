/** User name → uid, gid, home and groups, and uid → name, looked up apart from the loop and remembered for half a minute. */
import { findUid, getgrouplist, getpwnam, type Passwd } from './libc/names.ts';
import { type Patience, remember } from './remember.ts';

/** A user as a job needs it. */
export interface User extends Passwd {
  /** Supplementary groups, the primary one included, as initgroups(3) would set them. */
  readonly groups: readonly number[];
}

/** Find a user by name; null: there is none. */
export interface Users {
  find(name: string): Promise<User | null>;
}

const PATIENCE: Patience = { timeout: 10_000, keep: 30_000 };
const DATABASE = { who: 'the user database' };

/**
 * The system's user database. A hanging LDAP holds up its own users alone, as long as not 48 of them are asked for; whom
 * it has told of before goes on with what it told.
 */
export function systemUsers(
  patience: Patience = PATIENCE,
  look: (name: string) => Promise<User | null> = read,
): Users {
  return { find: remember(look, patience, DATABASE) };
}

/**
 * Find the name of a uid, with the same patience; null: it has none. This says who somebody is: no answer is
 * held, for a number may be given to somebody new at any time.
 */
export function systemNames(
  patience: Patience = { ...PATIENCE, keep: 0 },
  look: (uid: number) => Promise<Passwd | null> = ownerOf,
): (uid: number) => Promise<string | null> {
  const find = remember(look, patience, DATABASE);
  return async (uid) => (await find(uid))?.name ?? null;
}

/** Who from elsewhere (LDAP) brings along a name that is somebody's here, `root` say, has none. */
async function ownerOf(uid: number): Promise<Passwd | null> {
  const found = await findUid(uid);
  const named = found && (await getpwnam(found.name));
  return named?.uid === uid ? found : null;
}

async function read(name: string): Promise<User | null> {
  const passwd = await getpwnam(name);
  return passwd && { ...passwd, groups: await getgrouplist(name, passwd.gid) };
}
