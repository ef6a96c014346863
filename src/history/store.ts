/** The history of runs in its file: what is written into it, what it is asked for, what has to go. */
import { inflateSync } from 'node:zlib';
import {
  LATER_FATES,
  type LaterMail,
  MAIL_FATES,
  OUTCOMES,
  type RunRecord,
} from '../system/record.ts';
import { type Database, one, rows, transaction, type Value } from './database.ts';

/** A run, and what it printed as far as it is kept; `size` are its bytes before it was compressed. */
export interface Folded {
  readonly record: RunRecord;
  readonly output: { readonly bytes: Uint8Array; readonly size: number } | null;
}

/** What became of a run's mail later. */
export interface FoldedMail extends LaterMail {
  readonly mailOf: string;
}

/** What is new in a file. */
export interface FoldedLines {
  readonly runs: readonly Folded[];
  readonly mails: readonly FoldedMail[];
}

/** Which runs: all conditions together. */
export interface Query {
  /** Whose; null: everybody's. */
  readonly user: string | null;
  /** In milliseconds since the epoch. */
  readonly since?: number;
  readonly failed?: boolean;
  readonly identity?: string;
  /** Those before this run only: to go on where an answer ended. */
  readonly before?: string;
  /** So many at most, the latest. */
  readonly limit: number;
}

/** How long and how much is kept. */
export interface Terms {
  /** In milliseconds. */
  readonly age: number;
  /** In bytes. */
  readonly size: number;
}

const COLUMNS = [
  'run',
  'key',
  'identity',
  'crontab',
  'line',
  'entry',
  'user',
  'command',
  'scheduled',
  'by_hand',
  'started',
  'ended',
  'outcome',
  'code',
  'signal',
  'timed_out',
  'bytes',
  'mail',
  'cpu',
  'memory',
].join(', ');

const INSERT = `INSERT OR IGNORE INTO runs (${COLUMNS}, at, output, output_size) VALUES (${Array.from(
  { length: 23 },
  () => '?',
).join(', ')})`;
/** Of the one mail that was returned for some, it is no matter that others have got it. */
const MAIL = `INSERT INTO mails (run, fate, at) VALUES (?, ?, ?) ON CONFLICT (run)
  DO UPDATE SET fate = excluded.fate, at = excluded.at WHERE fate <> 'returned' OR excluded.fate <> 'sent'`;
const TOLD = `${COLUMNS}, (SELECT fate FROM mails WHERE run = runs.run) AS later_fate,
  (SELECT at FROM mails WHERE run = runs.run) AS later_at`;
const NOTE = 'INSERT OR REPLACE INTO folded (file, place) VALUES (?, ?)';
/** A mail left the outbox after its run, which may be told of only now. */
const GONE = 'DELETE FROM mails WHERE at < (SELECT min(at) FROM runs)';
const FAILED = "outcome IN ('failed', 'not-started', 'unknown')";
/** Nothing is, where that run is gone meanwhile: those before it are as well. */
const BEFORE = '(at, rowid) < (SELECT at, rowid FROM runs WHERE run = ?)';
/** Runs that go at once where the file is too large. */
const MANY = 1000;
/** It is emptied to so much of what it may have, so that not each batch has to do it. */
const SLACK = 0.9;

export class Store {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    this.#database = database;
  }

  /** How far files of records are in here. */
  places(): Record<string, number> {
    const found = rows(this.#database, 'SELECT file, place FROM folded');
    return Object.fromEntries(found.map(({ file, place }) => [String(file), Number(place)]));
  }

  /** Take runs from a file, and with them how far it is in here: both or neither. A run that is here stays as it is. */
  add({ runs, mails }: FoldedLines, file: string, place: number, now: number): void {
    const insert = this.#database.prepare(INSERT);
    const mail = this.#database.prepare(MAIL);
    transaction(this.#database, () => {
      for (const run of runs) insert.run(valuesOf(run, now));
      for (const { mailOf, fate, at } of mails) mail.run([mailOf, fate, at]);
      this.#database.prepare(NOTE).run([file, place]);
    });
  }

  /** Forget files that are gone. */
  forget(files: readonly string[]): void {
    transaction(this.#database, () => {
      for (const file of files)
        this.#database.prepare('DELETE FROM folded WHERE file = ?').run([file]);
    });
  }

  /** Remove what is too old, and the oldest of what is too much. */
  prune({ age, size }: Terms, now: number): void {
    this.#delete('at < ?', now - age);
    if (this.#size() > size)
      while (this.#size() > size * SLACK) {
        const edge = one(this.#database, `SELECT at FROM runs ORDER BY at LIMIT 1 OFFSET ${MANY}`);
        this.#delete('at <= ?', edge ?? now);
        if (edge === null) break;
      }
    transaction(this.#database, () => this.#database.prepare(GONE).run([]));
    if (Number(one(this.#database, 'PRAGMA freelist_count')) > 0)
      rows(this.#database, 'PRAGMA incremental_vacuum');
  }

  /** The latest runs that a query means, the newest first. */
  list({ user, since, failed = false, identity, before, limit }: Query): RunRecord[] {
    const conditions: [string, ...Value[]][] = [["outcome <> 'late'"]];
    if (user !== null) conditions.push(['user = ?', user]);
    if (since !== undefined) conditions.push(['at >= ?', since]);
    if (identity !== undefined) conditions.push(['identity = ?', identity]);
    if (failed) conditions.push([FAILED]);
    if (before !== undefined) conditions.push([BEFORE, before]);
    const where = conditions.map(([text]) => text).join(' AND ');
    const values = conditions.flatMap(([, ...bound]) => bound);
    const sql = `SELECT ${TOLD} FROM runs WHERE ${where} ORDER BY at DESC, rowid DESC LIMIT ?`;
    return rows(this.#database, sql, ...values, limit).map(recordOf);
  }

  /** Runs whose name begins so. */
  find(prefix: string, user: string | null, limit: number): RunRecord[] {
    const sql = `SELECT ${TOLD} FROM runs WHERE run >= ? AND run < ? AND outcome <> 'late'
      AND (user = ? OR ? IS NULL) ORDER BY run LIMIT ?`;
    return rows(this.#database, sql, prefix, `${prefix}\u{10ffff}`, user, user, limit).map(
      recordOf,
    );
  }

  /** What a run has printed, and its background children later; null: nothing is kept. */
  output(run: string): Buffer | null {
    const sql = 'SELECT output, output_size AS size FROM runs WHERE run IN (?, ?) ORDER BY rowid';
    const found = rows(this.#database, sql, run, `${run}-late`).flatMap(({ output, size }) =>
      output instanceof Uint8Array
        ? [output.length < Number(size) ? inflateSync(output) : output]
        : [],
    );
    return found.length === 0 ? null : Buffer.concat(found);
  }

  /** When each of these entries last succeeded; those that never did are left out. */
  lastSuccesses(identities: readonly string[]): Record<string, number> {
    const sql = `SELECT max(at) FROM runs WHERE identity = ? AND outcome = 'succeeded'`;
    const found = identities.map((identity) => [identity, one(this.#database, sql, identity)]);
    return Object.fromEntries(found.filter(([, at]) => at !== null));
  }

  close(): void {
    this.#database.close();
  }

  #delete(where: string, value: Value): void {
    transaction(this.#database, () => {
      this.#database.prepare(`DELETE FROM runs WHERE ${where}`).run([value]);
    });
  }

  /** Bytes that are in use. */
  #size(): number {
    const [pages, free, size] = ['page_count', 'freelist_count', 'page_size'].map((name) =>
      Number(one(this.#database, `PRAGMA ${name}`)),
    );
    return ((pages ?? 0) - (free ?? 0)) * (size ?? 0);
  }
}

function valuesOf({ record, output }: Folded, now: number): Value[] {
  return [
    record.run,
    record.key,
    record.identity,
    record.crontab,
    record.line,
    record.entry,
    record.user,
    record.command,
    record.scheduled,
    record.byHand,
    record.started,
    record.ended,
    record.outcome,
    record.code,
    record.signal,
    record.timedOut ? 1 : 0,
    record.bytes,
    record.mail,
    record.cpu,
    record.memory,
    record.started ?? record.ended ?? now,
    output?.bytes ?? null,
    output?.size ?? null,
  ];
}

function recordOf(row: Record<string, Value>): RunRecord {
  const text = (name: string): string | null => {
    const value = row[name] ?? null;
    return value === null ? null : String(value);
  };
  const number = (name: string): number | null => {
    const value = row[name] ?? null;
    return value === null ? null : Number(value);
  };
  const fate = LATER_FATES.find((known) => known === row['later_fate']);
  return {
    ...(fate !== undefined && { later: { fate, at: number('later_at') ?? 0 } }),
    run: text('run') ?? '',
    key: text('key') ?? '',
    identity: text('identity') ?? '',
    crontab: text('crontab'),
    line: number('line'),
    entry: text('entry'),
    user: text('user') ?? '',
    command: text('command') ?? '',
    scheduled: text('scheduled'),
    byHand: text('by_hand'),
    started: number('started'),
    ended: number('ended'),
    outcome: OUTCOMES.find((known) => known === row['outcome']) ?? 'unknown',
    code: number('code'),
    signal: text('signal'),
    timedOut: row['timed_out'] === 1,
    bytes: number('bytes') ?? 0,
    mail: MAIL_FATES.find((known) => known === row['mail']) ?? 'none',
    cpu: number('cpu'),
    memory: number('memory'),
  };
}
