/** What /proc tells of processes: enough never to signal a stranger who has got an old pid. */
import { readdirSync, readFileSync } from 'node:fs';
import { closeOnExec } from './libc/descriptors.ts';

/** When a process started, in clock ticks since boot; null: there is no such process. */
export function startTime(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Field 22 of proc(5); the second one, the name, may hold blanks and parentheses.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return null;
  }
}

/** Whether a process is there and has not ended: who has not been waited for yet has. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !'ZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

/** Send a signal to a process that started at that time; false: it is gone. */
export function signalProcess(pid: number, started: number, signal: NodeJS.Signals): boolean {
  if (startTime(pid) !== started) return false;
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** The name of this boot of the machine. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}

/**
 * Keep every inherited descriptor from the jobs. Node closes those from 3 on only up to the first
 * gap, so that a descriptor 40 of whoever started the daemon would reach every user's job.
 */
export function sealDescriptors(): void {
  for (const name of readdirSync('/proc/self/fd')) {
    const fd = Number(name);
    if (fd <= 2) continue;
    try {
      closeOnExec(fd);
    } catch {
      // The descriptor of the listing itself, closed by now.
    }
  }
}
