/** A runner's journal: each firing before it starts, its end, and when its mail was taken care of. */
import { appendFileSync, closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { createAppender } from './append.ts';
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
  const appender = createAppender(file, (why) =>
    onTrouble(`cannot write the journal "${file}": ${why}`),
  );
  const writer = new LineWriter();
  return {
    write: (lines) => appender.write(lines.map((line) => writer.text(line)).join('')),
    flush: () => appender.flush(),
    close: () => appender.close(),
  };
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
      const { fire, at } = entry;
      open.set(fire.run, { firing: fire, exit: null, bytes: 0, waiting: false, at });
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
