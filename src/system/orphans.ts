/** Process 1 of a container → the waiter for all whose own parents have gone; Node waits for its own children only. */
import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { type EventEmitter, errorMonitor } from 'node:events';
import { reapStrangers } from './children.ts';

/**
 * Wait for orphans, from now on and for ever; to be called before the first child is started.
 *
 * Node learns of the end of its own child by waiting for it, and would never learn of it if that
 * was done here: its children are known from the moment they are made. Whenever a child ends, Node
 * looks after its own before it calls a listener of SIGCHLD, so what is left then is an orphan, or
 * a child of Node's that has ended this moment and comes with a SIGCHLD of its own.
 */
export function reapOrphans(): void {
  const own = new Set<ChildProcess>();
  subscribe('child_process', (made) => {
    if (!isMade(made)) return;
    const { process: child } = made;
    own.add(child);
    child.once('exit', () => own.delete(child));
    const events: EventEmitter = child;
    events.once(errorMonitor, () => {
      if (child.pid === undefined) own.delete(child); // it could not be started
    });
  });
  const isOwn = (pid: number): boolean => [...own].some((child) => child.pid === pid);
  reapStrangers((pid) => !isOwn(pid));
}

function isMade(message: unknown): message is { process: ChildProcess } {
  return typeof message === 'object' && message !== null && 'process' in message;
}
