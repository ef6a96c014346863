/** The files in which runners record how runs ended → each record told once, and what of the files may go. */
import { open } from 'node:fs/promises';
import { mkdirSync, readdirSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode, reason } from '../system/failure.ts';
import type { RunRecord } from '../system/record.ts';
import { replaceFile } from '../system/replace.ts';
import type { Log } from '../system/sink.ts';
import { isAbandoned } from './append.ts';

/** Hears of a run that is over: soon after it, or when cron runs again; in rare cases twice. */
export type OnRun = (record: RunRecord) => void;

/** How far each file has been told, in bytes. */
type Places = Readonly<Record<string, number>>;

/** What comes within so long is told together, in milliseconds. */
const GATHER = 200;
/** Read at a time. */
const PIECE = 256 * 1024;
/** So many runs are remembered: a runner that dies may leave a record behind which the next one writes again. */
const REMEMBERED = 10_000;
const RECORDS = '.records';
const RECORD = Buffer.from('{"run":');
const NEWLINE = 10;

/** Records of all runners of a state directory. */
export class Records {
  readonly directory: string;
  readonly #log: Log;
  readonly #listeners: OnRun[] = [];
  readonly #told = new Map<string, number>();
  readonly #runs = new Set<string>();
  /** Files that could not be read. */
  readonly #unread = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #telling: Promise<void> = Promise.resolve();
  #trouble = '';

  /** @param directory of the files; what has been told is kept in its file `told` */
  constructor(directory: string, log: Log) {
    this.directory = directory;
    this.#log = log;
    for (const [file, place] of Object.entries(readPlaces(this.#kept))) this.#told.set(file, place);
  }

  /** Have somebody hear of each run that is over. */
  onRun(listener: OnRun): void {
    this.#listeners.push(listener);
  }

  /** There may be records more: tell of them a little later. */
  look(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#telling = this.#telling.then(() => this.#tell());
    }, GATHER);
    this.#timer.unref();
  }

  /** Names and sizes of the files, oldest first. */
  files(): { readonly name: string; readonly size: number }[] {
    try {
      return readdirSync(this.directory)
        .filter((name) => name.endsWith(RECORDS))
        .toSorted()
        .flatMap((name) => {
          const stat = statSync(join(this.directory, name), { throwIfNoEntry: false });
          return stat === undefined ? [] : [{ name, size: stat.size }];
        });
    } catch (error) {
      if (errorCode(error) === 'ENOENT')
        mkdirSync(this.directory, { recursive: true, mode: 0o700 });
      else this.#complain(error);
      return [];
    }
  }

  /** Names of files to which nobody will write any more, and of which all has been told. */
  async ended(): Promise<string[]> {
    const names = this.files().flatMap(({ name }) => (this.#isAbandoned(name) ? [name] : []));
    this.#telling = this.#telling.then(() => this.#tell());
    await this.#telling;
    return names.filter((name) => !this.#unread.has(name));
  }

  /** Remove files that are in the history. */
  remove(names: readonly string[]): void {
    for (const name of names)
      try {
        this.#unlink(name);
      } catch (error) {
        this.#complain(error);
      }
  }

  /** Where there is no history to be had: remove the oldest files until no more is left than that. */
  limit(room: number): void {
    const files = this.files();
    let sum = files.reduce((all, { size }) => all + size, 0);
    for (const { name, size } of files) {
      if (sum <= room) return;
      if (!this.#isAbandoned(name)) continue;
      this.remove([name]);
      sum -= size;
      this.#log('CRON', 'ERROR', `records of runs are given up: "${name}"`, ERROR);
    }
  }

  /** Wait until what is under way has been told. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#telling;
  }

  async #tell(): Promise<void> {
    let isNews = false;
    for (const { name, size } of this.files()) {
      const from = this.#told.get(name) ?? 0;
      if (size <= from) continue;
      try {
        const to = await readRecords(join(this.directory, name), from, (record) =>
          this.#hear(record),
        );
        if (to > from) isNews = true;
        this.#told.set(name, to);
        this.#unread.delete(name);
      } catch (error) {
        this.#unread.add(name);
        this.#complain(error);
      }
    }
    if (isNews) this.#keep();
  }

  #hear(record: RunRecord): void {
    if (this.#runs.has(record.run)) return;
    this.#runs.add(record.run);
    const [oldest] = this.#runs;
    if (this.#runs.size > REMEMBERED && oldest !== undefined) this.#runs.delete(oldest);
    for (const listener of this.#listeners)
      try {
        listener(record);
      } catch (error) {
        this.#complain(error);
      }
  }

  #isAbandoned(name: string): boolean {
    try {
      return isAbandoned(join(this.directory, name)) === true;
    } catch (error) {
      this.#complain(error);
      return false;
    }
  }

  #unlink(name: string): void {
    unlinkSync(join(this.directory, name));
    this.#told.delete(name);
  }

  #keep(): void {
    try {
      replaceFile(this.#kept, JSON.stringify(Object.fromEntries(this.#told)));
    } catch (error) {
      this.#complain(error); // on a full disk: the next cron tells once more
    }
  }

  get #kept(): string {
    return join(this.directory, 'told');
  }

  /** Once: what goes wrong each time is said the first time. */
  #complain(error: unknown): void {
    const trouble = reason(error);
    if (trouble !== this.#trouble)
      this.#log('CRON', 'ERROR', `records of runs in "${this.directory}": ${trouble}`, ERROR);
    this.#trouble = trouble;
  }
}

const ERROR = { level: 'error' } as const;

/** Read what has been told; nothing, where that is not known. */
function readPlaces(file: string): Places {
  try {
    const places: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isPlaces(places) ? places : {};
  } catch {
    return {}; // the first cron, or a power cut
  }
}

function isPlaces(value: unknown): value is Places {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((place) => Number.isSafeInteger(place))
  );
}

/** Read the whole lines from a place on, and call back for those that are records; returns the place behind them. */
async function readRecords(file: string, from: number, onRecord: OnRun): Promise<number> {
  const handle = await open(file, 'r');
  try {
    let place = from;
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      const piece = Buffer.allocUnsafe(PIECE);
      const { bytesRead } = await handle.read(piece, 0, PIECE, place + rest.length);
      if (bytesRead === 0) return place;
      let bytes: Buffer = Buffer.concat([rest, piece.subarray(0, bytesRead)]);
      for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE)) {
        const record = recordIn(bytes.subarray(0, end));
        place += end + 1;
        bytes = bytes.subarray(end + 1);
        if (record !== null) onRecord(record);
      }
      rest = bytes;
    }
  } finally {
    await handle.close();
  }
}

/** Lines of output are not even parsed. */
function recordIn(line: Buffer): RunRecord | null {
  if (!line.subarray(0, RECORD.length).equals(RECORD)) return null;
  try {
    const record: RunRecord = JSON.parse(line.toString('utf8'));
    return record;
  } catch {
    return null; // a block of zeroes, as a power cut leaves
  }
}
