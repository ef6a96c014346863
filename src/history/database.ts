/** A file → the history in it: made, brought up to the newest version, or set aside because it is damaged. */
import Database from 'libsql';
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errorCode } from '../system/failure.ts';
import { APPLICATION, MIGRATIONS } from './schema.ts';

export type { Database };

/** What a row may hold. */
export type Value = string | number | null | Uint8Array;

/** A file that was damaged, and where it is now. */
export interface Opened {
  readonly database: Database.Database;
  readonly damaged: string | null;
}

/** Damaged files that are kept, to be looked at. */
const KEPT = 3;
/** How long somebody else may hold the file, in milliseconds: who reads it with sqlite3, for one. */
const PATIENCE = 5000;

/** SQLite's words for a file that is none of its own, or was. */
const DAMAGE = ['SQLITE_CORRUPT', 'SQLITE_NOTADB'];

/**
 * Open the history.
 * @param check all of it, not only what is needed
 * @throws when it cannot be had now: no room, no right, somebody else has it
 */
export function openDatabase(file: string, check: boolean): Opened {
  let damaged: string | null = null;
  if (isStrange(file)) damaged = setAside(file);
  try {
    return { database: open(file, check), damaged };
  } catch (error) {
    if (!isDamage(error)) throw error;
    damaged = setAside(file);
    return { database: open(file, false), damaged };
  }
}

/** Know an error that another try meets again, and a new file does not. */
export function isDamage(error: unknown): boolean {
  const code = errorCode(error) ?? '';
  return DAMAGE.some((known) => code.startsWith(known)) || error instanceof Damage;
}

class Damage extends Error {}

/** Something other than a file is in its place. */
function isStrange(file: string): boolean {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  return stat !== undefined && !stat.isFile();
}

/** Move a damaged history out of the way; returns where it is. */
export function setAside(file: string, now = new Date()): string {
  const mark = now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const place = join(dirname(file), `${PREFIX}${mark}`);
  rmSync(place, { recursive: true, force: true });
  renameSync(file, place);
  rmSync(`${file}-journal`, { recursive: true, force: true }); // it must not be rolled back into the new one
  const old = readdirSync(dirname(file)).filter((name) => name.startsWith(PREFIX));
  for (const name of old.toSorted().slice(0, -KEPT))
    rmSync(join(dirname(file), name), { recursive: true, force: true });
  return basename(place);
}

const PREFIX = 'history.damaged-';

function open(file: string, check: boolean): Database.Database {
  makePrivate(file);
  const database = new Database(file);
  try {
    // A rollback journal: one file, which can be read where nothing can be written.
    database.exec(`PRAGMA busy_timeout = ${PATIENCE}`);
    const version = Number(one(database, 'PRAGMA user_version'));
    if (version === 0) begin(database);
    if (check) checkAll(database);
    migrate(database, version);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** What users print is nobody else's business; the journal beside it gets the same mode. */
function makePrivate(file: string): void {
  if (existsSync(file)) return;
  closeSync(openSync(file, 'a', 0o600));
}

function begin(database: Database.Database): void {
  database.exec('PRAGMA auto_vacuum = INCREMENTAL'); // before there is a table, or never
  database.exec(`PRAGMA application_id = ${APPLICATION}`);
}

function checkAll(database: Database.Database): void {
  const found = String(one(database, 'PRAGMA quick_check(1)'));
  if (found !== 'ok') throw new Damage(found);
}

function migrate(database: Database.Database, version: number): void {
  if (version > MIGRATIONS.length)
    throw new Error(`it is of version ${version}, and this mailcron knows ${MIGRATIONS.length}`);
  for (let next = version; next < MIGRATIONS.length; next++)
    transaction(database, () => {
      database.exec(MIGRATIONS[next] ?? '');
      database.exec(`PRAGMA user_version = ${next + 1}`);
    });
}

/** Do all of it or nothing. */
export function transaction(database: Database.Database, work: () => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    work();
    database.exec('COMMIT');
  } catch (error) {
    try {
      database.exec('ROLLBACK');
    } catch {
      // SQLite has done so already: on a full disk it does.
    }
    throw error;
  }
}

/** The first value of the first row; null: there is none. */
export function one(database: Database.Database, sql: string, ...values: readonly Value[]): Value {
  const [row] = rows(database, sql, ...values);
  return Object.values(row ?? {})[0] ?? null;
}

/** All rows. */
export function rows(
  database: Database.Database,
  sql: string,
  ...values: readonly Value[]
): Record<string, Value>[] {
  const found: unknown[] = database.prepare(sql).all(values);
  return found.filter(isRow).map((row) =>
    Object.fromEntries(
      // The package gives blobs as ArrayBuffer here, and as Buffer where one row is asked for.
      Object.entries(row).map(([name, value]) => [
        name,
        value instanceof ArrayBuffer ? Buffer.from(value) : value,
      ]),
    ),
  );
}

function isRow(row: unknown): row is Record<string, Value | ArrayBuffer> {
  return typeof row === 'object' && row !== null;
}
