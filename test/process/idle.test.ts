/** A cron that has nothing to do lets the machine sleep. */
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { childrenOf } from '../support/container.ts';
import { trafficOf, wakesOf } from '../support/counters.ts';
import { openSandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

const MINUTE = 60_000;
/** What the beginning of a minute sets off is over after so long, in milliseconds. */
const CALM = 4000;
/** Counted for so long. */
const SPAN = 10_000;

test('between two minutes nothing wakes up a cron, and it writes nothing', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.tab('@yearly true\n');
  const { pid } = await sandbox.start();
  const [runner = 0] = childrenOf(pid);
  const both = [pid, runner];
  const counts = (): number[] => both.flatMap((one) => [sum(wakesOf(one)), trafficOf(one).written]);
  // What other work on the machine wakes up comes and goes; what is ours comes again.
  const seen: string[] = [];
  const isCalm = async (): Promise<boolean> => {
    await pauseUntilMinuteHas(SPAN + CALM);
    const [woken = 0, written, wokenRunner = 0, writtenByRunner] = await during(counts, SPAN);
    seen.push(`${woken} and ${wokenRunner} wake-ups`);
    // Node may look once whether a timer of the start is still wanted.
    return woken <= 1 && wokenRunner <= 1 && written === 0 && writtenByRunner === 0;
  };
  await until('a calm time', isCalm, { limit: 240_000, evidence: () => seen.join('\n') });
  t.diagnostic(seen.join('; '));
});

/** Wait for the next minute if this one does not last so long; what belongs to its beginning is over then. */
async function pauseUntilMinuteHas(ms: number): Promise<void> {
  const left = MINUTE - (Date.now() % MINUTE);
  if (left < ms) await pause(left + CALM);
}

/** By how much counters have grown after so many milliseconds. */
async function during(count: () => readonly number[], ms: number): Promise<number[]> {
  const before = count();
  await pause(ms);
  return count().map((is, place) => is - (before[place] ?? 0));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
