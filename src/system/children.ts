/** A command line → a process that this one has to wait for, and how it ended. */
import { childHasEnded, endedChild } from './libc/children.ts';
import { type Ended, spawnSession, waitFor } from './libc/spawn.ts';

const awaited = new Map<number, (ended: Ended) => void>();
let looking: NodeJS.Timeout | undefined;

/** A signal that got lost would be noticed after so long, in milliseconds. */
const ANYWAY = 60_000;

/** Start a program; see spawnSession(). */
export function startChild(...command: Parameters<typeof spawnSession>): {
  readonly pid: number;
  readonly ended: Promise<Ended>;
} {
  if (!process.listeners('SIGCHLD').includes(look)) process.on('SIGCHLD', look);
  const pid = spawnSession(...command);
  const ended = new Promise<Ended>((resolve) => awaited.set(pid, resolve));
  looking ??= setInterval(look, ANYWAY); // it also keeps this process there
  return { pid, ended };
}

/** Take those that have ended off the system's list. */
function look(): void {
  let pid = endedChild();
  for (; pid !== null && awaited.has(pid); pid = endedChild()) take(pid);
  // One of Node's own, which it takes itself, stands before ours.
  if (pid !== null) for (const each of awaited.keys()) if (childHasEnded(each)) take(each);
  if (awaited.size > 0) return;
  clearInterval(looking);
  looking = undefined;
}

function take(pid: number): void {
  const ended = waitFor(pid);
  awaited.get(pid)?.(ended);
  awaited.delete(pid);
}
