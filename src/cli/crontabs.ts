/** Settings → the crontabs in force, and since when their entries are known. */
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Due } from '../daemon.ts';
import { identityOf } from '../run/firing.ts';
import { openDatabase, type ParsedTable } from '../spool/database.ts';
import type { Tab } from '../spool/tab.ts';
import type { Clock } from '../system/clock.ts';
import { EXIT, Failure } from '../system/failure.ts';
import type { Log } from '../system/sink.ts';
import type { Users } from '../system/users.ts';
import { Seen } from './seen.ts';
import type { Settings } from './serve.ts';

/** The database, and with it the record of when entries that catch up were first seen. */
export interface LoadedCrontabs {
  readonly tabs: readonly Tab[];
  refresh(): Promise<void>;
  /** The same for a minute: at some of them, unless one is suspected to have changed; see Database. */
  minute(): Promise<void>;
  /** Somebody may be changing one. */
  suspect(): void;
  /** Bring the tab of one user up to date; tells why it is not in force, or null. */
  reload(user: string, parsed?: ParsedTable): Promise<string | null>;
  readonly firstSeen: (tab: Tab, entry: Due['entry']) => number;
  /** Called when something new was found. */
  onChange: (tabs: readonly Tab[]) => void;
  /** Wait until what was seen is on the disk. */
  close(): Promise<void>;
}

/** Open the database of these settings; it is empty until the first refresh. */
export function openCrontabs(
  settings: Settings,
  { users, clock, log }: { readonly users: Users; readonly clock: Clock; readonly log: Log },
): LoadedCrontabs {
  const { paths } = settings.config;
  const database = openDatabase(paths, {
    users,
    log,
    uid: process.geteuid?.() ?? 0,
    user: ownName(),
    hostname: hostname(),
    lsb: settings.lsb,
  });
  const seen = new Seen(join(paths.state, 'first-seen'), log);
  let looked: readonly Tab[] = [];
  const look = (): void => {
    const { tabs } = database;
    if (tabs.length === looked.length && tabs.every((tab, at) => tab === looked[at])) return;
    seen.look(tabs, Math.floor(clock.now() / 60_000));
    looked = tabs;
    crontabs.onChange(tabs);
  };
  const crontabs: LoadedCrontabs = {
    get tabs() {
      return database.tabs;
    },
    async refresh() {
      await database.refresh();
      look();
    },
    async minute() {
      await database.refresh('some');
      look();
    },
    suspect: () => database.suspect(),
    async reload(user, parsed) {
      const trouble = await database.reload(user, parsed);
      look();
      return trouble;
    },
    onChange: () => {},
    firstSeen: (tab, entry) => seen.first(tab.label, identityOf(tab.label, entry)),
    close: () => seen.close(),
  };
  return crontabs;
}

/** The user whose daemon this is. */
export function ownName(): string {
  try {
    return userInfo().username;
  } catch (error) {
    const problem = `uid ${process.geteuid?.()} has no name in the user database: cron cannot tell whose crontabs to run`;
    throw new Failure(problem, { exit: EXIT.NO_USER, cause: error });
  }
}
