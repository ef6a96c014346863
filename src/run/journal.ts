/** A runner's journal: each firing before it starts, its end, and when its mail was taken care of. */
import {
  appendFileSync,
  closeSync,
  fdatasync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { reserve } from '../system/libc/blocks.ts';
import { lock } from '../system/libc/locks.ts';
import { errorCode, reason } from '../system/failure.ts';
import { type JournalLine, LineReader, LineWriter } from './lines.ts';
import type { LostRun } from './protocol.ts';

export type { JournalLine };

/** What a journal tells about the past. */
export interface JournalContents {
  readonly pid: number | undefined;
  readonly started: number | undefined;
  /** Keys of all firings that were recorded. */
  readonly keys: readonly string[];
  /** Their runs: a firing whose record came too late for the next scheduler has two. */
  readonly runs: readonly string[];
  /** Runs that were recorded and never finished; with how they ended, if they did. */
  readonly open: readonly LostRun[];
  /** Runs for which nothing is left to do. */
  readonly done: ReadonlySet<string>;
}

/** The journal that this runner writes; locked as long as it lives. */
export interface Journal {
  /** Write lines. True: a kill -9 cannot undo them; false: the disk does not take them yet. */
  write(lines: readonly JournalLine[]): boolean;
  /** Write what a full disk has not taken so far; whether all is written now. */
  flush(): boolean;
  close(): void;
}

/**
 * Begin a journal.
 * @throws when the file exists or cannot be locked
 */
export function createJournal(file: string, onTrouble: (problem: string) => void): Journal {
  const fd = openSync(file, 'ax', 0o600);
  if (!lock(fd)) throw new Error(`Cannot lock the new journal "${file}": somebody else did`);
  const writer = new LineWriter();
  /** Lines, or the rest of one, that a full disk has not taken. */
  let waiting: Buffer[] = [];
  let size = 0;
  let reserved = 0;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): boolean => {
    clearTimeout(timer);
    const isFirst = waiting.length === 1;
    try {
      for (let [bytes] = waiting; bytes !== undefined; [bytes] = waiting) {
        const length = writeSync(fd, bytes);
        size += length;
        waiting = [...(length < bytes.length ? [bytes.subarray(length)] : []), ...waiting.slice(1)];
      }
    } catch (error) {
      // A full disk is no reason not to run a job.
      if (isFirst) onTrouble(`cannot write the journal "${file}": ${reason(error)}`);
      timer = setTimeout(flush, AGAIN);
      timer.unref();
    }
    if (reserved - size > RESERVE / 2) return waiting.length === 0;
    try {
      reserve(fd, size, RESERVE);
      reserved = size + RESERVE;
    } catch {
      // The disk is full already, or its file system does not do this.
    }
    return waiting.length === 0;
  };
  return {
    write(lines) {
      waiting.push(Buffer.from(lines.map((line) => writer.text(line)).join('')));
      if (waiting.length > WAITING_LIMIT) waiting.pop();
      const isWritten = flush();
      // Against a power cut only, and so not waited for: the minute's jobs must not start late.
      fdatasync(fd, () => {});
      return isWritten;
    },
    flush: () => waiting.length === 0 || flush(),
    close() {
      clearTimeout(timer);
      ftruncateSync(fd, fstatSync(fd).size); // gives back what was reserved
      closeSync(fd);
    },
  };
}

/** Room on the disk that a journal has before it needs it, in bytes: jobs of a good while, on a disk that is full. */
const RESERVE = 256 * 1024;
/** Lines that the disk has not taken are written again after so long, in milliseconds. */
const AGAIN = 1000;
/** So many calls' lines are remembered meanwhile. */
const WAITING_LIMIT = 10_000;

/** Give back the room that a dead runner's journal will not need. */
export function trim(file: string): void {
  const { size, blocks } = statSync(file);
  if (blocks * 512 > size + RESERVE / 4) truncateSync(file, size);
}

/** Whether the runner of a journal is gone: it is when its lock can be had. Null: the journal itself is gone. */
export function isAbandoned(file: string): boolean | null {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
  try {
    return lock(fd);
  } finally {
    closeSync(fd);
  }
}

/** Read who writes a journal, by its first line. */
export function writerOf(file: string): Pick<JournalContents, 'pid' | 'started'> {
  const fd = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(FIRST_LINE);
    const text = bytes.toString('utf8', 0, readSync(fd, bytes));
    const line = new LineReader().read(text.slice(0, text.indexOf('\n')));
    const isFirst = line !== null && 'runner' in line;
    return { pid: isFirst ? line.pid : undefined, started: isFirst ? line.started : undefined };
  } finally {
    closeSync(fd);
  }
}

/** Longer than the first line is. */
const FIRST_LINE = 1024;

/** Read a journal; a last line that a crash cut short never happened, for its job was not started. */
export function readJournal(file: string): JournalContents {
  const open = new Map<string, LostRun>();
  const keys: string[] = [];
  const runs: string[] = [];
  const done = new Set<string>();
  const change = (run: string, news: Partial<LostRun>): void => {
    const known = open.get(run);
    if (known !== undefined) open.set(run, { ...known, ...news });
  };
  let pid: number | undefined;
  let started: number | undefined;
  const reader = new LineReader();
  const text = readFileSync(file, 'utf8');
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    const entry = reader.read(line);
    if (entry === null) continue;
    if ('runner' in entry) ({ pid, started } = entry);
    else if ('fire' in entry) {
      keys.push(entry.fire.key);
      runs.push(entry.fire.run);
      open.set(entry.fire.run, { firing: entry.fire, exit: null, bytes: 0, waiting: false });
    } else if ('wait' in entry) change(entry.wait, { waiting: true });
    else if ('begin' in entry) change(entry.begin, { waiting: false });
    else if ('end' in entry) change(entry.end, { exit: entry.exit, bytes: entry.bytes });
    else if ('kill' in entry) change(entry.kill, { killedBy: entry.by });
    else if ('mailing' in entry) change(entry.mailing, { mailing: true });
    else if ('unmailed' in entry) change(entry.unmailed, { mailing: false });
    else if ('handed' in entry) open.delete(entry.handed);
    else {
      open.delete(entry.done);
      done.add(entry.done);
    }
  }
  return { pid, started, keys, runs, open: [...open.values()], done };
}

/** Note in the journal of a dead runner that another one has recorded these runs. */
export function settle(file: string, runs: readonly string[]): void {
  const lines = runs.map((run) => `${JSON.stringify({ handed: run } satisfies JournalLine)}\n`);
  // A crash may have cut the last line short; what follows must not be joined to it.
  appendFileSync(file, `\n${lines.join('')}`);
}
