/** Processes in a pid namespace of their own: what is started first is process 1, and all end with it. */
import { readdirSync, readFileSync } from 'node:fs';
import { processState } from './sandbox.ts';
import { until } from './wait.ts';

/** Starts a program as process 1; its /proc shows its own namespace alone. */
export const CONTAINER = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child', '--'];

/** The pid that process 1 has out here, by that of its unshare(1). */
export function firstOf(pid: number): Promise<number> {
  return until('process 1 is there', () => childrenOf(pid)[0] ?? false);
}

/** The children of all threads of a process. */
export function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1')
        .split(' ')
        .filter((word) => word !== '')
        .map(Number),
    );
  } catch {
    return []; // it has ended
  }
}

/** Those that have ended and wait for their parent. */
export function zombiesOf(pid: number): number[] {
  return childrenOf(pid).filter((child) => processState(child) === 'Z');
}
