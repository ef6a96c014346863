/** User name → uid, gid, home and groups, and uid → name, looked up apart from the loop and remembered for half a minute. */
import { findUid, getgrouplist, getpwnam, type Passwd } from './libc/names.ts';

/** A user as a job needs it. */
export interface User extends Passwd {
  /** Supplementary groups, the primary one included, as initgroups(3) would set them. */
  readonly groups: readonly number[];
}

/** Find a user by name; null: there is none. */
export interface Users {
  find(name: string): Promise<User | null>;
}

/** How long a lookup may take, and how long its answer holds, in milliseconds. */
export interface Patience {
  readonly timeout: number;
  readonly keep: number;
}

/** What is known of a name or a number. */
interface Known<T> {
  /** The lookup that is under way; there is never a second one, for each holds a thread. */
  asking: Promise<T | null> | null;
  found: T | null;
  until: number;
}

const PATIENCE: Patience = { timeout: 10_000, keep: 30_000 };

/**
 * The system's user database. A hanging LDAP holds up its own users alone, as long as there are
 * threads left (UV_THREADPOOL_SIZE); whom it has told of before goes on with what it told.
 */
export function systemUsers(
  patience: Patience = PATIENCE,
  look: (name: string) => Promise<User | null> = read,
): Users {
  return { find: remember(look, patience) };
}

/**
 * Find the name of a uid, with the same patience; null: it has none. This says who somebody is: no answer is
 * held, for a number may be given to somebody new at any time.
 */
export function systemNames(
  patience: Patience = { ...PATIENCE, keep: 0 },
  look: (uid: number) => Promise<Passwd | null> = ownerOf,
): (uid: number) => Promise<string | null> {
  const find = remember(look, patience);
  return async (uid) => (await find(uid))?.name ?? null;
}

/** Who from elsewhere (LDAP) brings along a name that is somebody's here, `root` say, has none. */
async function ownerOf(uid: number): Promise<Passwd | null> {
  const found = await findUid(uid);
  const named = found && (await getpwnam(found.name));
  return named?.uid === uid ? found : null;
}

function remember<K extends string | number, T>(
  look: (key: K) => Promise<T | null>,
  patience: Patience,
): (key: K) => Promise<T | null> {
  const all = new Map<K, Known<T>>();
  return async (key) => {
    const known = all.get(key) ?? { asking: null, found: null, until: 0 };
    if (known.found !== null && known.until > performance.now()) return known.found;
    all.set(key, known);
    known.asking ??= look(key).then(
      (found) => {
        // Nobody is asked for again each time: the user may come with the network (LDAP, sssd).
        if (found === null) all.delete(key);
        Object.assign(known, { asking: null, found, until: performance.now() + patience.keep });
        return found;
      },
      (error: unknown) => {
        known.asking = null;
        throw error;
      },
    );
    try {
      return await inTime(known.asking, `${key}`, patience.timeout);
    } catch (error) {
      if (known.found !== null) return known.found;
      throw error;
    }
  };
}

async function read(name: string): Promise<User | null> {
  const passwd = await getpwnam(name);
  return passwd && { ...passwd, groups: await getgrouplist(name, passwd.gid) };
}

async function inTime<T>(answer: Promise<T>, name: string, timeout: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`the user database did not answer for "${name}" in ${timeout / 1000} s`));
    }, timeout);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
