/** User name → uid, gid, home and groups, looked up apart from the loop and remembered for half a minute. */
import { getgrouplist, getpwnam, type Passwd } from './libc.ts';

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

/** What is known of a name. */
interface Known {
  /** The lookup that is under way; there is never a second one, for each holds a thread. */
  asking: Promise<User | null> | null;
  user: User | null;
  until: number;
}

/**
 * The system's user database. A hanging LDAP holds up its own users alone, as long as there are
 * threads left (UV_THREADPOOL_SIZE); whom it has told of before goes on with what it told.
 */
export function systemUsers(
  patience: Patience = { timeout: 10_000, keep: 30_000 },
  look: (name: string) => Promise<User | null> = read,
): Users {
  const names = new Map<string, Known>();
  return {
    async find(name) {
      const known = names.get(name) ?? { asking: null, user: null, until: 0 };
      if (known.user !== null && known.until > performance.now()) return known.user;
      names.set(name, known);
      known.asking ??= look(name).then(
        (user) => {
          // Nobody is asked for again each time: the user may come with the network (LDAP, sssd).
          if (user === null) names.delete(name);
          Object.assign(known, { asking: null, user, until: performance.now() + patience.keep });
          return user;
        },
        (error: unknown) => {
          known.asking = null;
          throw error;
        },
      );
      try {
        return await inTime(known.asking, name, patience.timeout);
      } catch (error) {
        if (known.user !== null) return known.user;
        throw error;
      }
    },
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
