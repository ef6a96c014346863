/** What /proc tells of sessions: the processor time and the memory of all their processes together. */
import { readdirSync, readFileSync } from 'node:fs';

/** The load of one session. */
export interface Load {
  /** Processor time so far, also of processes that have ended, in milliseconds. */
  readonly busy: number;
  /** Bytes in memory; what processes share is counted for each. */
  readonly memory: number;
}

/** Each job leads a session of its own: its load is that of its process. */
export function readLoads(sessions: ReadonlySet<number>, proc = '/proc'): Map<number, Load> {
  const loads = new Map<number, Load>();
  if (sessions.size === 0) return loads;
  for (const name of readdirSync(proc)) {
    const fields = /^\d+$/.test(name) ? statOf(`${proc}/${name}/stat`) : null;
    const session = Number(fields?.[SESSION]);
    if (fields === null || !sessions.has(session)) continue;
    const before = loads.get(session) ?? { busy: 0, memory: 0 };
    const ticks = TIMES.reduce((sum, field) => sum + Number(fields[field]), 0);
    loads.set(session, {
      busy: before.busy + ticks * TICK,
      memory: before.memory + Number(fields[PAGES]) * PAGE,
    });
  }
  return loads;
}

/** Fields of proc(5), counted from the third on: user and system time, and those of children. */
const [SESSION, TIMES, PAGES] = [3, [11, 12, 13, 14], 21] as const;
/** USER_HZ is 100 on every Linux. */
const TICK = 10;
/** Node tells its own size in bytes, /proc in pages; a page is a power of two. */
const PAGE = ((): number => {
  const pages = Number(statOf('/proc/self/stat')?.[PAGES] ?? 1);
  return 2 ** Math.round(Math.log2(process.memoryUsage.rss() / pages));
})();

/** The fields behind the name, which may hold blanks and parentheses; null: the process is gone. */
function statOf(file: string): string[] | null {
  try {
    const stat = readFileSync(file, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}
