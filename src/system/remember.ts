/** Questions to which answers may never come → one at a time each, waited for so long, remembered for a while. */

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

/**
 * Remember answers; null is none. Who has answered before is believed for longer when no answer comes.
 * @param who is asked, as a message has it
 */
export function remember<K extends string | number, T>(
  look: (key: K) => Promise<T | null>,
  patience: Patience,
  who: string,
): (key: K) => Promise<T | null> {
  const all = new Map<K, Known<T>>();
  return async (key) => {
    const known = all.get(key) ?? { asking: null, found: null, until: 0 };
    if (known.found !== null && known.until > performance.now()) return known.found;
    all.set(key, known);
    known.asking ??= inTurn(() => look(key)).then(
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
      return await inTime(known.asking, `${who} did not answer for "${key}"`, patience.timeout);
    } catch (error) {
      if (known.found !== null) return known.found;
      throw error;
    }
  };
}

/** At the same time, in this process: of its 64 threads (UV_THREADPOOL_SIZE) files and syncs keep some. */
const LOOKUPS = 48;
/** Those for whom there is no room yet: all in a process share its threads. */
const waiting: (() => void)[] = [];
let free = LOOKUPS;

async function inTurn<T>(look: () => Promise<T>): Promise<T> {
  if (free > 0) free--;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await look();
  } finally {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  }
}

async function inTime<T>(answer: Promise<T>, problem: string, timeout: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${problem} in ${timeout / 1000} s`));
    }, timeout);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
