/** A user's table: read, replaced, removed; here straight in the spool. */
import { constants, statSync } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { EXIT, errorCode, Failure, reason } from '../system/failure.ts';
import { readAll, withFile } from './file.ts';
import { withHeader, withoutHeader } from './header.ts';
import { isUserTab } from './names.ts';
import { LOAD_LIMIT } from './tab.ts';

const ROOT = 0;

/** Whose table, and whom its file shall belong to. */
export interface TabOwner {
  readonly name: string;
  readonly uid: number;
}

/** What crontab(1) does to tables, whoever keeps them. Each throws a Failure. */
export interface Crontabs {
  /** The user's table, or with `whole` all that lies there, its header too; null: none. */
  read(user: TabOwner, whole?: boolean): Promise<Buffer | null>;
  /**
   * Put a table in force in one step.
   * @param seen what the table was when the change began; if it no longer is, nothing is done
   * @returns false: the table was changed meanwhile
   */
  install(user: TabOwner, table: Buffer, seen?: Buffer | null): Promise<boolean>;
  /** Remove the user's table; false: there is none. */
  remove(user: TabOwner): Promise<boolean>;
}

/** The tables of a spool directory that this process may write: as root, or as its owner. */
export function spoolCrontabs(directory: string): Crontabs {
  const crontabs: Crontabs = {
    async read(user, whole = false) {
      const path = tabPath(directory, user);
      const table = await attempt(`read the crontab "${path}"`, () => readTable(path, user));
      return table === null || whole ? table : withoutHeader(table);
    },
    async install(user, table, seen) {
      // Two edits overlap for minutes; for the microseconds from here to rename(2) nobody waits in line.
      if (seen !== undefined && !isSame(await crontabs.read(user), seen)) return false;
      const path = tabPath(directory, user);
      await attempt(`write the crontab "${path}"`, () => replace(directory, path, table, user));
      return true;
    },
    remove: (user) => {
      const path = tabPath(directory, user);
      return attempt(`remove the crontab "${path}"`, () => unlinkTable(directory, path));
    },
  };
  return crontabs;
}

function tabPath(directory: string, { name }: TabOwner): string {
  if (isUserTab(name)) return join(directory, name);
  throw new Failure(`"${name}" cannot be the name of a crontab`, { exit: EXIT.FAILURE });
}

function isSame(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}

/**
 * What a user is shown is their own. The group of the spool may have planted another file under this name, by a
 * link or by rename(2): cron does not run such a tab, and would hand out what only root may read.
 */
function readTable(path: string, { uid }: TabOwner): Buffer | null {
  try {
    return withFile(path, false, (fd, stat) => {
      if (!stat.isFile()) throw new Error('not a regular file');
      if (stat.uid !== uid && stat.uid !== ROOT)
        throw new Error(`it belongs to uid ${stat.uid}, and so cron does not run it`);
      if (stat.nlink > 1)
        throw new Error('it has a second name (hard link), and so cron does not run it');
      const bytes = readAll(fd, stat.size, LOAD_LIMIT);
      if (bytes === null) throw new Error(`longer than ${LOAD_LIMIT} bytes`);
      return bytes;
    });
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Write beside the table and rename over it, so that the daemon, a reader and a crash see the old or
 * the new one, never half. The group of the spool may write there too (Debian: 1730 root:crontab): all
 * that root does to the new file goes through its descriptor (CVE-2017-9525, CVE-2010-0424).
 */
async function replace(
  directory: string,
  path: string,
  table: Buffer,
  { uid }: TabOwner,
): Promise<void> {
  const { handle, temporary } = await createTemporary(directory);
  try {
    await handle.writeFile(withHeader(table, new Date()));
    await handle.chmod(0o600);
    if (process.getuid?.() === 0) {
      // The group as Debian's crontab leaves it: the spool's.
      const { gid } = statSync(directory);
      await handle.chown(uid, gid);
    }
    await handle.sync();
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => {}); // the first error is the one to tell
    throw error;
  } finally {
    await handle.close();
  }
  await syncDirectory(directory);
}

/** Create `tmp.XXXXXX`, as mkstemp(3) would; cron takes no such name for a tab. */
async function createTemporary(
  directory: string,
): Promise<{ handle: FileHandle; temporary: string }> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  for (;;) {
    const letters = Math.random().toString(36).slice(2, 8).padEnd(6, 'x');
    const temporary = join(directory, `tmp.${letters}`);
    try {
      const handle = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      return { handle, temporary };
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }
}

async function unlinkTable(directory: string, path: string): Promise<boolean> {
  try {
    await unlink(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
  await syncDirectory(directory);
  return true;
}

/** Make a rename or an unlink survive a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function attempt<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const denied = ['EACCES', 'EPERM', 'EROFS'].includes(errorCode(error) ?? '');
    const advice = denied ? ' (only root can; for a cron of your own name its --config FILE)' : '';
    const problem = `Cannot ${what}: ${reason(error)}${advice}`;
    throw new Failure(problem, { exit: EXIT.FAILURE, cause: error });
  }
}
