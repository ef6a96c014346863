/** Works that arrive at once → one after the other for each name, and only so many altogether. */
import { semaphore } from '../system/semaphore.ts';

/** Wait for one's turn, then work. */
export type Turns = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/** Let at most `limit` work at once, and of one name one. */
export function takingTurns(limit: number): Turns {
  const last = new Map<string, Promise<unknown>>();
  const altogether = semaphore(limit);
  const follow = async <T>(
    before: Promise<unknown> | undefined,
    work: () => Promise<T>,
  ): Promise<T> => {
    await before;
    return altogether(work);
  };
  return (name, work) => {
    const result = follow(last.get(name), work);
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
