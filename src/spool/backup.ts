/** Tables that were replaced or removed → the last ten of each user, in the state directory. */
import { mkdir, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EXIT, errorCode, Failure, reason } from '../system/failure.ts';
import { isUserTab } from './names.ts';
import { syncDirectory, type TabOwner } from './store.ts';

/** A table as it was until somebody replaced or removed it. */
export interface Backup {
  /** 1 is the newest. */
  readonly number: number;
  /** When it was replaced or removed, in milliseconds since the epoch. */
  readonly at: number;
  /** In bytes. */
  readonly size: number;
}

/** The older tables of all users. Each throws a Failure. */
export interface Backups {
  /** Keep a table that is about to go, unless it is the newest one here anyway. */
  keep(user: TabOwner, table: Buffer): Promise<void>;
  /** What is kept, newest first. */
  list(user: TabOwner): Promise<Backup[]>;
  /** The table of that number; null: there is none. */
  read(user: TabOwner, number: number): Promise<Buffer | null>;
}

/** Tables that are kept of each user. */
const KEPT = 10;
/** A kept table's name: milliseconds since the epoch. */
const NAME = /^\d{13}$/;

/**
 * The backups in a directory that is this process's alone. Whoever keeps two tables of one user
 * must wait for the first.
 */
export function openBackups(directory: string, now: () => number = Date.now): Backups {
  return {
    keep: (user, table) =>
      inFolder(directory, 'keep the old crontab', user, async (folder) => {
        const [newest] = await look(folder, user);
        if (newest?.size === table.length && (await readFile(newest.file)).equals(table)) return;
        const [last = 0] = await names(folder);
        await write(folder, user, table, Math.max(now(), Number(last) + 1));
        const old = (await names(folder)).slice(KEPT);
        for (const name of old) await unlink(join(folder, name));
      }),
    list: (user) =>
      inFolder(directory, 'read the old crontabs', user, async (folder) => {
        const kept = await look(folder, user);
        return kept.map(({ at, size }, index) => ({ number: index + 1, at, size }));
      }),
    read: (user, number) =>
      inFolder(directory, 'read an old crontab', user, async (folder) => {
        const file = (await look(folder, user))[number - 1]?.file;
        return file === undefined ? null : readFile(file);
      }),
  };
}

/** What is kept of a user, newest first; of one who had the name before, nothing. */
async function look(
  folder: string,
  { uid }: TabOwner,
): Promise<{ file: string; at: number; size: number }[]> {
  const files = (await names(folder)).map((name) => join(folder, name));
  const stats = await Promise.all(files.map((file) => stat(file)));
  return files.flatMap((file, index) => {
    const found = stats[index];
    if (found?.uid !== uid) return [];
    return { file, at: Number(file.slice(folder.length + 1)), size: found.size };
  });
}

async function names(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder))
      .filter((name) => NAME.test(name))
      .toSorted()
      .toReversed();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Write a table beside the others; a crash leaves it whole or not at all. */
async function write(folder: string, { uid }: TabOwner, table: Buffer, at: number): Promise<void> {
  const isNew = (await mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined;
  if (isNew) await syncDirectory(dirname(folder));
  const draft = join(folder, 'new');
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(table);
    // The user's own, for quotas and for `look`; the directory is closed to them.
    if (process.getuid?.() === 0) await handle.chown(uid, -1);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, join(folder, `${at}`));
  await syncDirectory(folder);
}

async function inFolder<T>(
  directory: string,
  what: string,
  { name }: TabOwner,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  if (!isUserTab(name))
    throw new Failure(`"${name}" cannot be the name of a crontab`, { exit: EXIT.FAILURE });
  const folder = join(directory, name);
  try {
    return await work(folder);
  } catch (error) {
    const problem = `Cannot ${what} in "${folder}": ${reason(error)}`;
    throw new Failure(problem, { exit: EXIT.FAILURE, cause: error });
  }
}
