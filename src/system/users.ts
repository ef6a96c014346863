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

/** The system's user database: one lookup a name at a time, so that a hanging LDAP holds up that user alone. */
export function systemUsers(patience: Patience = { timeout: 10_000, keep: 30_000 }): Users {
  const known = new Map<string, { until: number; answer: Promise<User | null> }>();
  return {
    find(name) {
      const now = performance.now();
      const hit = known.get(name);
      if (hit !== undefined && hit.until > now) return inTime(hit.answer, name, patience.timeout);
      const answer = read(name);
      known.set(name, { until: now + patience.keep, answer });
      // Nobody and a failure are asked again: the user may come with the network (LDAP, sssd).
      const forget = (): void => void known.delete(name);
      answer.then((user) => user ?? forget(), forget);
      return inTime(answer, name, patience.timeout);
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
