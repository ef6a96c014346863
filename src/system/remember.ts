/** Questions to which answers may never come → one at a time each, waited for so long, remembered for a while. */
import { reason } from './failure.ts';
import { type Semaphore, semaphore } from './semaphore.ts';

/** How long a lookup may take, and how long its answer holds, in milliseconds. */
export interface Patience {
  readonly timeout: number;
  readonly keep: number;
}

/** How to ask. */
export interface Asking<K> {
  /** Who is asked, as a message has it. */
  readonly who: string;
  /** For so many questions at the same time; nothing: those of this process's threads. */
  readonly inTurn?: Semaphore;
  /** Told why the last answer goes on to hold. */
  readonly onOld?: (key: K, why: string) => void;
}

/** What is known of a name or a number. */
interface Known<T> {
  /** The lookup that is under way; there is never a second one, for each holds a thread. */
  asking: Promise<T | null> | null;
  found: T | null;
  until: number;
}

/** At the same time, in this process: of its 64 threads (UV_THREADPOOL_SIZE) files and syncs keep some. */
const inThreads = semaphore(48);

/** Remember answers; null is none. Who has answered before is believed for longer when no answer comes. */
export function remember<K extends string | number, T>(
  look: (key: K) => Promise<T | null>,
  { timeout, keep }: Patience,
  { who, inTurn = inThreads, onOld }: Asking<K>,
): (key: K) => Promise<T | null> {
  const all = new Map<K, Known<T>>();
  const ask = (key: K, known: Known<T>): Promise<T | null> => {
    known.asking ??= inTurn(() => look(key)).then(
      (found) => {
        // Nobody is asked for again each time: the user may come with the network (LDAP, sssd).
        if (found === null) all.delete(key);
        Object.assign(known, { asking: null, found, until: performance.now() + keep });
        return found;
      },
      (error: unknown) => {
        known.asking = null;
        throw error;
      },
    );
    return inTime(known.asking, `${who} did not answer for "${key}"`, timeout);
  };
  return async (key) => {
    const known = all.get(key) ?? { asking: null, found: null, until: 0 };
    if (known.found !== null && known.until > performance.now()) return known.found;
    all.set(key, known);
    try {
      return await ask(key, known);
    } catch (error) {
      if (known.found === null) throw error;
      onOld?.(key, reason(error));
      return known.found;
    }
  };
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
