/** A fact that is on its way → the fact; what never comes is told with what there was to see instead. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

export interface Patience {
  /** In milliseconds: long, for machines are slow and only a failure waits for it. */
  readonly limit?: number;
  /** What goes with the complaint. */
  readonly evidence?: () => string;
}

/** Look until there is something to see; false, undefined and null are nothing yet. */
export async function until<T>(
  what: string,
  fact: () => T | false | undefined | null | Promise<T | false | undefined | null>,
  { limit = 60_000, evidence = () => '' }: Patience = {},
): Promise<T> {
  const deadline = performance.now() + limit;
  for (;;) {
    const found = await fact();
    if (found !== undefined && found !== null && found !== false) return found;
    if (performance.now() > deadline)
      assert.fail(`Not so after ${limit / 1000} s: ${what}\n${evidence()}`);
    await pause(10);
  }
}
