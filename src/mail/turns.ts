/** Works that arrive at once → one after the other for each name, and only so many altogether. */

/** Wait for one's turn, then work. */
export type Turns = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/** Let at most `limit` work at once, and of one name one. */
export function takingTurns(limit: number): Turns {
  const last = new Map<string, Promise<unknown>>();
  const waiting: (() => void)[] = [];
  let free = limit;
  return (name, work) => {
    const turn = async <T>(
      before: Promise<unknown> | undefined,
      what: () => Promise<T>,
    ): Promise<T> => {
      await before;
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        return await what();
      } finally {
        const next = waiting.shift();
        if (next === undefined) free++;
        else next();
      }
    };
    const result = turn(last.get(name), work);
    const done: Promise<unknown> = settled(result).then(
      () => last.get(name) === done && last.delete(name),
    );
    last.set(name, done);
    return result;
  };
}

async function settled(work: Promise<unknown>): Promise<void> {
  await Promise.allSettled([work]);
}
