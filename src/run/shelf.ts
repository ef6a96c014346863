/** Outputs that are too long for a mail → files that are kept for a while. */
import { linkSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** How long, and how many of them. */
export interface ShelfSettings {
  readonly directory: string;
  /** In milliseconds. */
  readonly age: number;
  /** Bytes of all together; the newest stays in any case. */
  readonly room: number;
}

/** Keep a file under that name also when its own goes; returns where it lies. */
export type Keep = (file: string, name: string) => string;

/** Open the directory. What is too old goes now and whenever something comes: no timer is needed. */
export function openShelf({ directory, age, room }: ShelfSettings): Keep {
  tidy(directory, age, room);
  return (file, name) => {
    const place = join(directory, name.replaceAll('/', '_'));
    rmSync(place, { force: true }); // of a runner that died after this
    linkSync(file, place);
    tidy(directory, age, room, place);
    return place;
  };
}

function tidy(directory: string, age: number, room: number, newest?: string): void {
  const files = readdirSync(directory).flatMap((name) => {
    const file = join(directory, name);
    const stat = statSync(file, { throwIfNoEntry: false });
    return stat === undefined ? [] : [{ file, size: stat.size, at: stat.mtimeMs }];
  });
  const order = ({ file, at }: { file: string; at: number }): number =>
    file === newest ? Infinity : at;
  let sum = 0;
  for (const { file, size, at } of files.toSorted((a, b) => (order(a) < order(b) ? 1 : -1))) {
    sum += size;
    if (file !== newest && (sum > room || Date.now() - at > age)) rmSync(file, { force: true });
  }
}
