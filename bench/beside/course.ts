/** What every case is told and tells of itself, and moments that they wait for. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Figure } from './figures.ts';

/** What a case is asked for; without a size it has the one it is known for. */
export interface Ask {
  readonly name: string;
  readonly size?: number;
  /** Of so many users, each in so many more groups. */
  readonly people?: number;
  readonly groups?: number;
  /** Only these crons, where their figures are all that is needed. */
  readonly crons?: readonly string[];
}

export interface Course {
  /** Of the table that its figures are for. */
  readonly title: string;
  /** Names of `peers`; the ratios are to the first one. */
  readonly names: readonly string[];
  readonly tools: string;
  readonly repeat: number;
  readonly say: (line: string) => void;
}

export interface Case {
  readonly title: (ask: Ask) => string;
  /** How long it takes for so many crons, so often, about. */
  readonly minutes: (ask: Ask, crons: number, repeat: number) => number;
  readonly measure: (course: Course, ask: Ask) => Promise<Figure[]>;
}

export const MINUTE = 60_000;

/** Sleep until a moment of the real time. */
export async function until(moment: number): Promise<void> {
  await pause(Math.max(0, moment - Date.now()));
}

/** The first minute that is so many milliseconds away, at least. */
export function minuteIn(lead: number): number {
  return Math.ceil((Date.now() + lead) / MINUTE) * MINUTE;
}

/** Wait where needed, so that no minute begins within so many milliseconds, nor has just begun. */
export async function quietFor(span: number): Promise<void> {
  const [into, begun] = [Date.now() % MINUTE, 5000];
  if (into < begun) await pause(begun - into);
  else if (into > MINUTE - span) await pause(MINUTE - into + begun);
}
