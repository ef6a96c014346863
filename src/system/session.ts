/** A job's session → a signal to every process in it, also to those that have made groups of their own. */
import { readdirSync, readFileSync } from 'node:fs';

/** Signal a session by its leader's pid; false: nobody is there any more. */
export type SignalSession = (leader: number, signal: NodeJS.Signals) => boolean;

/**
 * Signal sessions; who is in which is looked up once for all that are signalled in one go, be they a thousand.
 * @param pids names of processes, among others
 */
export function sessionSignals(
  pids = (): readonly string[] => readdirSync('/proc'),
): SignalSession {
  let known: Map<number, number[]> | null = null;
  const straysOf = (leader: number): readonly number[] => {
    if (known === null) {
      known = strays(pids());
      setImmediate(() => (known = null));
    }
    return known.get(leader) ?? [];
  };
  return (leader, signal) => {
    // The group first, and at once: what it may start meanwhile is in it too.
    let found = send(-leader, signal);
    for (const pid of straysOf(leader))
      // Its number may be somebody else's by now.
      if (placeOf(pid)?.session === leader && send(pid, signal)) found = true;
    return found;
  };
}

export const signalSession = sessionSignals();

function send(target: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(target, signal);
  } catch {
    return false; // it has ended
  }
}

/** The processes of each session that are not in its leader's group. */
function strays(names: readonly string[]): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (const name of names) {
    const pid = Number(name);
    const place = Number.isInteger(pid) ? placeOf(pid) : null;
    if (place === null || place.group === place.session) continue;
    const others = found.get(place.session);
    if (others === undefined) found.set(place.session, [pid]);
    else others.push(pid);
  }
  return found;
}

/** Where a process belongs; null: it has ended. */
function placeOf(pid: number): { readonly group: number; readonly session: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Fields 5 and 6 of proc(5); the second one, the name, may hold blanks and parentheses.
    const [, , group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { group: Number(group), session: Number(session) };
  } catch {
    return null;
  }
}
