/** A process → what the kernel has counted of it so far. */
import { readdirSync, readFileSync } from 'node:fs';

/** Calls that read and write, and their bytes: files, pipes and sockets. */
export interface Traffic {
  readonly reads: number;
  readonly writes: number;
  readonly read: number;
  readonly written: number;
}

/** Its threads' own: to what a process has the kernel adds all of the children that it has waited for. */
export function trafficOf(pid: number): Traffic {
  const texts = readdirSync(`/proc/${pid}/task`).map((thread) =>
    read(`/proc/${pid}/task/${thread}/io`),
  );
  const sum = (key: string): number => texts.reduce((all, text) => all + field(text, key), 0);
  return {
    reads: sum('syscr'),
    writes: sum('syscw'),
    read: sum('rchar'),
    written: sum('wchar'),
  };
}

/** How often each of its threads has waited for something, and was then woken up. */
export function wakesOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) =>
    field(read(`/proc/${pid}/task/${thread}/status`), 'voluntary_ctxt_switches'),
  );
}

/** Memory that it shares with nobody and that is in no file, in bytes. */
export function memoryOf(pid: number): number {
  return field(read(`/proc/${pid}/status`), 'RssAnon') * 1024;
}

/** How many descriptors it has open. */
export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function field(text: string, key: string): number {
  const [, value] = new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text) ?? [];
  if (value === undefined) throw new Error(`the kernel tells no "${key}"`);
  return Number(value);
}

function read(file: string): string {
  return readFileSync(file, 'latin1');
}
