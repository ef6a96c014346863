/** An entry and the line it was read from → where its parts stand. */

import { skipBlanks, skipWord } from './blank.ts';
import type { Entry } from './entry.ts';

/** A part of a line; `column` counts from 1, in bytes. */
export interface Part {
  readonly text: string;
  readonly column: number;
}

/** An entry as its author sees it. */
export interface WrittenEntry {
  readonly entry: Entry;
  /** The "-" before the schedule. */
  readonly silent: Part | null;
  /** Minute, hour, day of month, month and day of week; a nickname stands alone. */
  readonly fields: readonly Part[];
  readonly user: Part | null;
  /** The first of -n, -q and -s. */
  readonly flag: Part | null;
  /** All that follows, with its "%" and its backslashes. */
  readonly command: Part;
}

/** Find the parts of a line that has been read as this entry. */
export function written(entry: Entry, line: string): WrittenEntry {
  let at = skipBlanks(line, 0);
  const word = (): Part => {
    const start = at;
    const stop = skipWord(line, start);
    at = skipBlanks(line, stop);
    return { text: line.slice(start, stop), column: start + 1 };
  };
  const silent = line[at] === '-' ? { text: '-', column: ++at } : null;
  const fields = [word()];
  if (fields[0]?.text.startsWith('@') === false) for (let n = 1; n < 5; n++) fields.push(word());
  const user = entry.user === null ? null : word();
  const flag = line[at] === '-' ? word() : null;
  while (line[at] === '-') word();
  return { entry, silent, fields, user, flag, command: { text: line.slice(at), column: at + 1 } };
}
