/** A runner's journal: each firing before it starts, its end, and when its mail was taken care of. */
import { appendFileSync, closeSync, fdatasync, openSync, readFileSync, writeSync } from 'node:fs';
import { lock } from '../system/libc.ts';
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
  /** Runs that were recorded and never finished; with how they ended, if they did. */
  readonly open: readonly LostRun[];
  /** Runs for which nothing is left to do. */
  readonly done: ReadonlySet<string>;
}

/** The journal that this runner writes; locked as long as it lives. */
export interface Journal {
  /** Write lines in one piece. When it returns, a kill -9 cannot undo them. */
  write(lines: readonly JournalLine[]): void;
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
  let whole = true;
  return {
    write(lines) {
      const text = lines.map((line) => writer.text(line)).join('');
      // After a failed write, what follows must not be joined to a piece of a line.
      const bytes = Buffer.from(whole ? text : `\n${text}`);
      try {
        for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
        whole = true;
      } catch (error) {
        // A full disk is no reason not to run a job.
        if (whole) onTrouble(`cannot write the journal "${file}": ${reason(error)}`);
        whole = false;
      }
      // Against a power cut only, and so not waited for: the minute's jobs must not start late.
      fdatasync(fd, () => {});
    },
    close: () => closeSync(fd),
  };
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

/** Read a journal; a last line that a crash cut short never happened, for its job was not started. */
export function readJournal(file: string): JournalContents {
  const open = new Map<string, LostRun>();
  const keys: string[] = [];
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
      open.set(entry.fire.run, { firing: entry.fire, exit: null, bytes: 0, waiting: false });
    } else if ('wait' in entry) change(entry.wait, { waiting: true });
    else if ('begin' in entry) change(entry.begin, { waiting: false });
    else if ('end' in entry) change(entry.end, { exit: entry.exit, bytes: entry.bytes });
    else if ('mailing' in entry) change(entry.mailing, { mailing: true });
    else if ('unmailed' in entry) change(entry.unmailed, { mailing: false });
    else if ('handed' in entry) open.delete(entry.handed);
    else {
      open.delete(entry.done);
      done.add(entry.done);
    }
  }
  return { pid, started, keys, open: [...open.values()], done };
}

/** Note in the journal of a dead runner that another one has recorded these runs. */
export function settle(file: string, runs: readonly string[]): void {
  const lines = runs.map((run) => `${JSON.stringify({ handed: run } satisfies JournalLine)}\n`);
  // A crash may have cut the last line short; what follows must not be joined to it.
  appendFileSync(file, `\n${lines.join('')}`);
}
