/** The journals of all runners → what must not start again, and what dead runners left undone. */
import { mkdirSync, readdirSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { errorCode, reason } from '../system/failure.ts';
import type { Log } from '../system/sink.ts';
import { isAbandoned, trim } from './append.ts';
import { type JournalContents, readJournal, settle, writerOf } from './journal.ts';
import type { LostRun } from './protocol.ts';

/** Journals of ended runners are kept so long, in milliseconds: no restart looks further back. */
const KEEP_JOURNAL = 3_600_000;

/** What a dead runner left, and whose journal it stands in. */
export interface Left extends LostRun {
  readonly from: string;
}

/** What the runners of a state directory have done so far. */
export class Past {
  readonly #journals: string;
  readonly #outputs: string;
  readonly #log: Log;
  /** Keys of firings that runners recorded, and which of them did last: these must not start again. */
  readonly #recorded = new Map<string, string>();
  /** The same of runs: a firing that could not be recorded in time was started twice, and both are told of. */
  readonly #runs = new Map<string, string>();
  #left: Left[] = [];
  #tidied = Date.now();
  /** Some journal could not be read. */
  #isUnsure = false;

  constructor(journals: string, outputs: string, log: Log) {
    this.#journals = journals;
    this.#outputs = outputs;
    this.#log = log;
  }

  /** Whether a firing was recorded by any runner, dead or alive. */
  has(key: string): boolean {
    return this.#recorded.has(key);
  }

  /** Make the directory of the journals, if it is not there. */
  prepare(): void {
    mkdirSync(this.#journals, { recursive: true, mode: 0o700 });
  }

  /** Names of the runners that have a journal. */
  runners(): string[] {
    this.prepare();
    return readdirSync(this.#journals)
      .filter((name) => name.endsWith(JOURNAL))
      .map((name) => name.slice(0, -JOURNAL.length));
  }

  /** Whether a runner lives: it holds the lock of its journal. */
  isAlive(id: string): boolean {
    return isAbandoned(this.#journal(id)) === false;
  }

  /** Wait for the end of a runner: a broken connection announces it, the lock says that it is over. */
  async untilDead(id: string): Promise<void> {
    try {
      while (this.isAlive(id)) await pause(10);
    } catch (error) {
      this.#complain(id, error); // not readable for now: reading it comes next, and says so too
    }
  }

  /** Size of a runner's journal in bytes; null: it is gone, or out of reach. */
  size(id: string): number | null {
    try {
      return statSync(this.#journal(id)).size;
    } catch {
      return null;
    }
  }

  /** Who writes a journal; nothing, if it is out of reach. */
  writer(id: string): Pick<JournalContents, 'pid' | 'started'> {
    try {
      return writerOf(this.#journal(id));
    } catch {
      return { pid: undefined, started: undefined };
    }
  }

  /** Note what a living runner has recorded; returns the keys. */
  note(id: string): ReadonlySet<string> {
    return this.#note(id, readJournal(this.#journal(id)));
  }

  /** Read the journal of a dead runner: what it left is there to be taken. Returns the keys it recorded. */
  bury(id: string): ReadonlySet<string> {
    try {
      trim(this.#journal(id));
      const contents = readJournal(this.#journal(id));
      const { open, done } = contents;
      const noted = this.#note(id, contents);
      this.#left.push(...open.map((run) => ({ ...run, from: id })));
      this.#removeOutput(done);
      if (open.length === 0) this.#removeIfOld(id);
      return noted;
    } catch (error) {
      this.#complain(id, error);
      return new Set();
    }
  }

  /** Take what is left, to hand it on; what has been handed on before is settled. */
  takeLeft(): Left[] {
    // A scheduler that died may have handed it on already: then a later journal has it too.
    const isLast = ({ firing, from, waiting }: Left): boolean =>
      (waiting ? this.#recorded.get(firing.key) : this.#runs.get(firing.run)) === from;
    const left = this.#left.splice(0);
    this.settle(left.filter((run) => !isLast(run)));
    return left.filter(isLast);
  }

  /** Take it back: the one to whom it was handed on has died before he recorded it. */
  giveBack(left: readonly Left[]): void {
    this.#left.push(...left);
  }

  /** Write into the journals of dead runners that others take care of these. */
  settle(settled: readonly Left[]): void {
    for (const id of new Set(settled.map(({ from }) => from))) {
      const runs = settled.filter(({ from }) => from === id).map(({ firing }) => firing.run);
      try {
        settle(this.#journal(id), runs);
      } catch (error) {
        this.#complain(id, error); // on a full disk: they may be reported a second time
      }
    }
  }

  /** Once an hour: journals that no restart can need go, and what was known from them. */
  tidy(now = Date.now()): void {
    if (now - this.#tidied < KEEP_JOURNAL) return;
    this.#tidied = now;
    try {
      for (const id of this.runners()) if (!this.isAlive(id)) this.#removeIfOld(id);
      const kept = new Set(this.runners());
      for (const names of [this.#recorded, this.#runs])
        for (const [name, id] of names) if (!kept.has(id)) names.delete(name);
    } catch (error) {
      this.#complain('*', error); // a journal that cannot be read for now is no reason to stop
    }
  }

  /** There is a runner of which nothing could be found out. */
  doubt(): void {
    this.#isUnsure = true;
  }

  /** Names of outputs of which no journal knows; none, if not all journals could be read. */
  strays(): string[] {
    if (this.#isUnsure) return [];
    return readdirSync(this.#outputs).filter((run) => !this.#runs.has(run));
  }

  #note(id: string, { keys, runs }: JournalContents): ReadonlySet<string> {
    for (const key of keys) setLater(this.#recorded, key, id);
    for (const run of runs) setLater(this.#runs, run, id);
    return new Set(keys);
  }

  /** Remove what a runner that died was about to remove: output that is mailed, or that nobody wants. */
  #removeOutput(done: ReadonlySet<string>): void {
    for (const run of readdirSync(this.#outputs))
      if (done.has(run)) unlinkIfThere(join(this.#outputs, run));
  }

  #removeIfOld(id: string): void {
    const file = this.#journal(id);
    const age = Date.now() - statSync(file).mtimeMs;
    if (age > KEEP_JOURNAL && readJournal(file).open.length === 0) unlinkSync(file);
  }

  #complain(id: string, error: unknown): void {
    this.#isUnsure = true;
    const detail = `journal "${this.#journal(id)}": ${reason(error)}`;
    this.#log('CRON', 'ERROR', detail, { level: 'error' });
  }

  #journal(id: string): string {
    return join(this.#journals, `${id}${JOURNAL}`);
  }
}

const JOURNAL = '.journal';

/** Names of runners tell which began last. */
function setLater(names: Map<string, string>, name: string, id: string): void {
  if (id > (names.get(name) ?? '')) names.set(name, id);
}

/** Remove a file that may be gone already. */
export function unlinkIfThere(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}
