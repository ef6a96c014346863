/** A command line → a process that this one has to wait for, and how it ended. */
import { availableParallelism } from 'node:os';
import { childHasEnded, endedChild, reapChild } from './libc/children.ts';
import { type Command, type Ended, spawnSession, spawnSessionHere, waitFor } from './libc/spawn.ts';

/** A process that this one has started. */
export interface Child {
  readonly pid: number;
  readonly ended: Promise<Ended>;
}

const awaited = new Map<number, (ended: Ended) => void>();
/** One has ended of whom nobody knows yet: who is just being started. */
let isUnknown = false;
let isOrphan: (pid: number) => boolean = () => false;
let looking: NodeJS.Timeout | undefined;

/** Starts under way, and those that wait for one of them: more at a time would only be in each other's way. */
let starting = 0;
const waiting: (() => void)[] = [];
const AT_ONCE = availableParallelism() + 1;

/** A signal that got lost would be noticed after so long, in milliseconds. */
const ANYWAY = 60_000;

/** How a child is started. */
export interface Way {
  /** From this thread; see spawnSessionHere(). */
  readonly isHere?: boolean;
  /** Not before those that were to be started in order before it. */
  readonly inOrder?: boolean;
}

let before: Promise<unknown> = Promise.resolve();

/** Start a program; see spawnSession(). */
export function startChild(
  command: Command,
  { isHere = false, inOrder = false }: Way = {},
): Promise<Child> {
  watch();
  const spawn = isHere ? spawnSessionHere : spawnSession;
  if (!inOrder) return start(command, spawn);
  const child = before.then(() => start(command, spawn));
  before = child.catch(() => {});
  return child;
}

async function start(command: Command, spawn: typeof spawnSession): Promise<Child> {
  if (starting < AT_ONCE) starting++;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    const pid = await spawn(...command);
    const ended = new Promise<Ended>((resolve) => awaited.set(pid, resolve));
    looking ??= setInterval(look, ANYWAY); // it also keeps this process there
    return { pid, ended };
  } finally {
    const next = waiting.shift();
    if (next === undefined) starting--;
    else next();
    // It may have ended before it was known here; to look costs more, the more children there are.
    if (isUnknown) look();
  }
}

/** Wait for children that others have left to this process, too; once for all. */
export function reapStrangers(areOrphans: (pid: number) => boolean): void {
  isOrphan = areOrphans;
  watch();
  look();
}

function watch(): void {
  if (!process.listeners('SIGCHLD').includes(look)) process.on('SIGCHLD', look);
}

/** Take those that have ended off the system's list. */
function look(): void {
  isUnknown = false;
  let pid = endedChild();
  for (; pid !== null; pid = endedChild()) {
    if (awaited.has(pid)) take(pid);
    else if (starting === 0 && isOrphan(pid)) reapChild(pid);
    else break;
  }
  isUnknown = pid !== null;
  // One of Node's own, which it takes itself, or one that is just being started, stands before ours.
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
