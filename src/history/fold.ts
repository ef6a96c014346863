/** Files of records → the history: each line once, in batches. */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '../system/failure.ts';
import type { RunRecord } from '../system/record.ts';
import type { Folded, FoldedMail, Store } from './store.ts';

/** Read at a time, and put into the history in one step. */
const PIECE = 1024 * 1024;
const NEWLINE = 10;

/** Fold what is new in these files; returns how far each of them is in the history now. */
export function fold(
  store: Store,
  directory: string,
  names: readonly string[],
  now: number,
): Record<string, number> {
  const places = store.places();
  const gone = Object.keys(places).filter((name) => !names.includes(name));
  if (gone.length > 0) store.forget(gone);
  return Object.fromEntries(
    names.map((name) => [
      name,
      foldFile(store, join(directory, name), name, places[name] ?? 0, now),
    ]),
  );
}

function foldFile(store: Store, file: string, name: string, from: number, now: number): number {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return from;
    throw error;
  }
  try {
    let place = from;
    for (let size = PIECE; ;) {
      const piece = Buffer.allocUnsafe(size);
      const length = readSync(fd, piece, 0, size, place);
      const { runs, mails, end } = runsIn(piece.subarray(0, length));
      if (end > 0) store.add({ runs, mails }, name, (place += end), now);
      // A record and its output stand together: what is cut in two is read once more, with more behind it.
      else if (length < size) return place;
      else size *= 2;
      if (end > 0) size = PIECE;
    }
  } finally {
    closeSync(fd);
  }
}

/** What whole lines say, and where the last record ends. */
function runsIn(bytes: Buffer): { runs: Folded[]; mails: FoldedMail[]; end: number } {
  const runs: Folded[] = [];
  const mails: FoldedMail[] = [];
  let output: Line | null = null;
  let end = 0;
  for (let at = 0; ;) {
    const stop = bytes.indexOf(NEWLINE, at);
    if (stop === -1) return { runs, mails, end };
    const line = parse(bytes.toString('utf8', at, stop));
    at = stop + 1;
    if (line !== null && 'output' in line) {
      output = line;
      continue;
    }
    if (line !== null && 'mailOf' in line) mails.push(line);
    else if (line !== null) {
      const printed = output?.output === line.run ? output : null;
      runs.push({ record: line, output: printed === null ? null : decoded(printed) });
    }
    output = null;
    end = at;
  }
}

/** What stands before a record: as run/recorder.ts writes it. */
interface Line {
  readonly output: string;
  readonly size: number;
  readonly base64: string;
}

function decoded({ base64, size }: Line): NonNullable<Folded['output']> {
  return { bytes: Buffer.from(base64, 'base64'), size };
}

function parse(text: string): RunRecord | Line | FoldedMail | null {
  try {
    const line: RunRecord | Line | FoldedMail | null = JSON.parse(text);
    if (line === null || typeof line !== 'object') return null;
    return 'run' in line || 'output' in line || 'mailOf' in line ? line : null;
  } catch {
    return null; // a block of zeroes, as a power cut leaves
  }
}
