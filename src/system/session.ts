/** A job's session → a signal to every process in it, also to those that have made groups of their own. */
import { readdirSync, readFileSync } from 'node:fs';

/** Signal a session by its leader's pid; false: nobody is there any more. */
export function signalSession(leader: number, signal: NodeJS.Signals): boolean {
  // The group first, and at once: what it may start meanwhile is in it too.
  let found = send(-leader, signal);
  for (const { pid, group, session } of processes())
    if (session === leader && group !== leader && send(pid, signal)) found = true;
  return found;
}

function send(target: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(target, signal);
  } catch {
    return false; // it has ended
  }
}

interface Process {
  readonly pid: number;
  readonly group: number;
  readonly session: number;
}

/** One by one, so that each is signalled right after it was looked at. */
function* processes(): Generator<Process> {
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      // Fields 5 and 6 of proc(5); the second one, the name, may hold blanks and parentheses.
      const [, , group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      yield { pid, group: Number(group), session: Number(session) };
    } catch {
      // It has ended since it was listed.
    }
  }
}
