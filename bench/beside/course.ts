/** What every case is told, and moments that they wait for. */
import { setTimeout as pause } from 'node:timers/promises';

export interface Course {
  /** Names of `peers`; the ratios are to the first one. */
  readonly names: readonly string[];
  readonly tools: string;
  readonly repeat: number;
  readonly say: (line: string) => void;
}

export const MINUTE = 60_000;

/** Sleep until a moment of the real time. */
export async function until(moment: number): Promise<void> {
  await pause(Math.max(0, moment - Date.now()));
}

/** Wait where needed, so that no minute begins within so many milliseconds, nor has just begun. */
export async function quietFor(span: number): Promise<void> {
  const [into, begun] = [Date.now() % MINUTE, 5000];
  if (into < begun) await pause(begun - into);
  else if (into > MINUTE - span) await pause(MINUTE - into + begun);
}
