/** Processes of a cron → their memory and their wake-ups, as the kernel counts them. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Process {
  readonly pid: number;
  readonly name: string;
}

/** Those that are alive, without the commands that its jobs are. */
export function without(pids: readonly number[], commands: readonly string[]): Process[] {
  return pids
    .map((pid) => ({ pid, name: read(`/proc/${pid}/comm`).trim() }))
    .filter(({ name }) => name !== '' && !commands.includes(name));
}

/** Their memory in kB, what several share divided among them. */
export function memoryOf(processes: readonly Process[]): number {
  return sum(processes, ({ pid }) => field(read(`/proc/${pid}/smaps_rollup`), 'Pss'));
}

/** How often each of them was given a processor, all its threads together. */
export function wakesOf(processes: readonly Process[]): Map<number, number> {
  return new Map(
    processes.map(({ pid }) => [
      pid,
      sum(threads(pid), (thread) => {
        const status = read(`/proc/${pid}/task/${thread}/status`);
        return (
          field(status, 'voluntary_ctxt_switches') + field(status, 'nonvoluntary_ctxt_switches')
        );
      }),
    ]),
  );
}

function threads(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // it has ended
  }
}

function field(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return ''; // it has ended
  }
}

function sum<T>(things: readonly T[], of: (thing: T) => number): number {
  return things.reduce((total, thing) => total + of(thing), 0);
}
