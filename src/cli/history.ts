/** The records of runs → listeners at once, and the history now and then; what it is asked for. */
import { join } from 'node:path';
import type { Told } from '../history/historian.ts';
import type { Query } from '../history/store.ts';
import { type OnRun, Records } from '../run/records.ts';
import type { Config } from '../system/config.ts';
import { reason } from '../system/failure.ts';
import type { RunRecord } from '../system/record.ts';
import type { Log } from '../system/sink.ts';
import { Historians } from './historians.ts';

/** So much that is not in the history yet is enough to start a process for it, in bytes ... */
const ENOUGH = 256 * 1024;
/** ... or so many minutes, whatever there is. */
const MINUTES = 5;
/** Into the minute, in milliseconds: its jobs have been started by then. */
const LATER = 20_000;
/** Where there is no history to be had, records wait in so many bytes. */
const ROOM = 64 * 1024 * 1024;
const DAY = 86_400_000;

/** What has been, as the scheduler knows it. */
export class History {
  readonly #records: Records;
  readonly #historians: Historians;
  readonly #log: Log;
  /** Bytes of each file that are in the history. */
  #folded: Readonly<Record<string, number>> = {};
  #minutes = MINUTES;
  #timer: NodeJS.Timeout | undefined;
  #folding: Promise<void> | null = null;
  #trouble = '';
  #isBehind = false;

  constructor({ paths, history }: Config, log: Log) {
    const records = join(paths.state, 'record');
    this.#log = log;
    this.#records = new Records(records, log);
    this.#historians = new Historians({
      file: join(paths.state, FILE),
      records,
      terms: { age: history.keep * DAY, size: history.max_size },
    });
  }

  /**
   * Have somebody hear of each run that is over, a moment after it. What ended while no cron was running is told of when
   * one is; a cron that is killed may tell of its last moment's runs a second time.
   */
  onRun(listener: OnRun): void {
    this.#records.onRun(listener);
  }

  /** A runner says that there is a record more. */
  look(): void {
    this.#records.look();
  }

  /** A minute's jobs are on their way: see to the history a little later, if it is worth it. */
  minute(): void {
    const files = this.#records.files();
    if (files.length > 0) this.#records.look();
    const waiting = files.reduce(
      (sum, { name, size }) => sum + Math.max(0, size - (this.#folded[name] ?? 0)),
      0,
    );
    if (waiting === 0) return;
    this.#minutes++;
    if (waiting < ENOUGH && this.#minutes < MINUTES) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#fold(); // never throws
    }, LATER);
    this.#timer.unref();
  }

  /** Why the latest runs are not in it, as of the last attempt; empty: they are. */
  get trouble(): string {
    return this.#isBehind ? this.#trouble : '';
  }

  /**
   * The latest runs, the newest first, up to this moment.
   * @throws when there is no history to be had
   */
  async list(query: Query): Promise<readonly RunRecord[]> {
    if (query.before === undefined) await this.#fold();
    return (await this.#historians.ask({ ask: 'list', query })).runs ?? [];
  }

  /**
   * The runs whose name begins so, and the output if it is one only.
   * @param user whose; null: anybody's
   * @throws when there is no history to be had
   */
  async find(prefix: string, user: string | null): Promise<Pick<Told, 'runs' | 'output'>> {
    await this.#fold();
    return this.#historians.ask({ ask: 'log', prefix, user });
  }

  /**
   * When entries last succeeded (the start, in milliseconds since the epoch); those of which that is not known are left out.
   * @throws when there is no history to be had
   */
  async lastSuccesses(identities: readonly string[]): Promise<ReadonlyMap<string, number>> {
    await this.#fold();
    const { successes = {} } = await this.#historians.ask({ ask: 'successes', identities });
    return new Map(Object.entries(successes));
  }

  /** Leave what is not in the history yet to the next cron. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#records.close();
    this.#historians.close();
  }

  /** Bring the history up to date. Never throws: it is no reason for anything not to be done. */
  #fold(): Promise<void> {
    this.#folding ??= this.#foldAll().finally(() => (this.#folding = null));
    return this.#folding;
  }

  async #foldAll(): Promise<void> {
    this.#minutes = 0;
    const ended = await this.#records.ended();
    const names = this.#records.files().map(({ name }) => name);
    try {
      const { folded = {}, damaged } = await this.#historians.ask({ ask: 'fold', names });
      this.#folded = folded;
      this.#isBehind = false;
      if (damaged !== undefined)
        this.#say(`the history was damaged: it is "${damaged}" now, and a new one is begun`);
      else this.#trouble = '';
    } catch (error) {
      this.#isBehind = true;
      this.#say(`the history cannot be written: ${reason(error)}`);
      this.#records.limit(ROOM);
      return;
    }
    this.#records.remove(ended);
  }

  /** Say what goes wrong each time the first time. */
  #say(trouble: string): void {
    if (trouble !== this.#trouble) this.#log('CRON', 'ERROR', trouble, { level: 'error' });
    this.#trouble = trouble;
  }
}

const FILE = 'history.db';
