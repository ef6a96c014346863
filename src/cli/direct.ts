/** A user's table straight in the spool, for who may write it while no cron is running. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { openBackups } from '../spool/backup.ts';
import { spoolCrontabs, type TabOwner } from '../spool/store.ts';
import type { Config } from '../system/config.ts';
import { Failure } from '../system/failure.ts';
import type { Tables } from './tables.ts';

/** Log an event of Debian's client, such as `(root) LIST (alice)`. */
export type LogEvent = (event: string) => Promise<void>;

/** Whether this process may change the spool: as root, or as its owner. */
export function mayWrite(spool: string): boolean {
  const uid = process.getuid?.();
  return uid === 0 || statSync(spool, { throwIfNoEntry: false })?.uid === uid;
}

/** The table of a user in a spool that this process may write; it logs what cron would. */
export function directTables(
  { spool, state }: Pick<Config['paths'], 'spool' | 'state'>,
  user: TabOwner,
  log: LogEvent,
): Tables {
  const crontabs = spoolCrontabs(spool);
  const backups = openBackups(join(state, 'backup'));
  async function keep(): Promise<void> {
    const table = await crontabs.read(user).catch((error: unknown) => {
      // As cron does: what somebody planted there is no table to keep, and goes.
      if (error instanceof Failure) return null;
      throw error;
    });
    if (table !== null) await backups.keep(user, table);
  }
  return {
    permitted: () => Promise.resolve(null),
    async read(purpose) {
      if (purpose === 'list' || purpose === 'whole') await log('LIST');
      if (purpose === 'edit') await log('BEGIN EDIT');
      return crontabs.read(user, purpose === 'whole');
    },
    async install(table, seen) {
      await keep();
      const installed = await crontabs.install(user, table, seen);
      if (installed) await log('REPLACE');
      return installed;
    },
    async remove() {
      await keep();
      const removed = await crontabs.remove(user);
      if (removed) await log('DELETE');
      return removed;
    },
    async backups() {
      const kept = await backups.list(user);
      return kept.map(({ number, at, size }) => ({
        number,
        at: new Date(at).toISOString(),
        size,
      }));
    },
    backup: (number) => backups.read(user, number),
  };
}
