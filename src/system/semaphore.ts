/** Works that arrive at once → only so many at the same time, the others in the order in which they came. */

/** Wait for a place, then work. */
export type Semaphore = <T>(work: () => Promise<T>) => Promise<T>;

/** Let at most `count` work at once. */
export function semaphore(count: number): Semaphore {
  const waiting: (() => void)[] = [];
  let free = count;
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
