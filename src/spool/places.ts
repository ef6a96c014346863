/** The configured paths → every crontab that should be in force, in the order in which they run. */
import { lstatSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Config } from '../system/config.ts';
import { errorCode, reason } from '../system/failure.ts';
import { markOfAll } from '../system/mark.ts';
import type { Log } from '../system/sink.ts';
import { isSystemTab, isUserTab } from './names.ts';
import type { Place } from './tab.ts';

/** Where crontabs are. */
export type Paths = Pick<Config['paths'], 'spool' | 'system_crontab' | 'cron_d'>;

/** Which of them count. */
export interface Selection {
  /** The only user whose tab counts; null: a daemon of root's runs all. */
  readonly onlyUser: string | null;
  /** Names in cron.d by the LSB's rules (`cron -l`). */
  readonly lsb: boolean;
}

function userTab(spool: string, user: string): Place {
  return { label: user, path: join(spool, user), shown: `${basename(spool)}/${user}`, user };
}

/** Lists the places; each directory that cannot be read is logged once, then tried again in silence. */
export class Places {
  readonly #paths: Paths;
  readonly #selection: Selection;
  readonly #log: Log;
  readonly #troubles = new Map<string, string>();
  readonly #listed = new Map<string, readonly string[]>();
  /** Each directory that there is could be listed. */
  #isWhole = true;
  #last: { readonly mark: string; readonly places: readonly Place[] } | null = null;

  constructor(paths: Paths, selection: Selection, log: Log) {
    this.#paths = paths;
    this.#selection = selection;
    this.#log = log;
  }

  /** List /etc/crontab, then cron.d and the spool, each by name: the very same list as long as none comes or goes. */
  list(): readonly Place[] {
    const { spool, system_crontab: system, cron_d: cronD } = this.#paths;
    const { text, young } = markOfAll([spool, cronD]);
    const mark = `${text}\n${this.#exists(system)}`;
    if (this.#last?.mark === mark) return this.#last.places;
    this.#isWhole = true;
    const places = this.#list();
    // A directory that has just changed may do so again and have the same mark.
    this.#last = this.#isWhole && !young ? { mark, places } : null;
    return places;
  }

  #list(): Place[] {
    const { spool, system_crontab: system, cron_d: cronD } = this.#paths;
    const { onlyUser, lsb } = this.#selection;
    const places: Place[] = [];
    if (this.#exists(system))
      places.push({ label: '*system*', path: system, shown: system, user: null });
    for (const name of this.#names(cronD, (file) => isSystemTab(file, lsb))) {
      const path = join(cronD, name);
      places.push({ label: `*system*${name}`, path, shown: path, user: null });
    }
    for (const name of this.#names(spool, isUserTab)) {
      if (onlyUser !== null && name !== onlyUser) continue;
      places.push(userTab(spool, name));
    }
    return places;
  }

  /** The place of one user's tab, whether there is one or not; null: it would not count. */
  of(user: string): Place | null {
    const { onlyUser } = this.#selection;
    if (!isUserTab(user) || (onlyUser !== null && user !== onlyUser)) return null;
    return userTab(this.#paths.spool, user);
  }

  #exists(path: string): boolean {
    try {
      lstatSync(path);
      this.#troubles.delete(path);
      return true;
    } catch (error) {
      // A machine without /etc/crontab is no trouble, to Debian's cron neither.
      if (errorCode(error) !== 'ENOENT') this.#trouble('STAT FAILED', path, error);
      return false;
    }
  }

  #names(directory: string, accept: (name: string) => boolean): readonly string[] {
    try {
      const names = readdirSync(directory).filter(accept);
      names.sort();
      this.#troubles.delete(directory);
      this.#listed.set(directory, names);
      return names;
    } catch (error) {
      this.#trouble('OPENDIR FAILED', directory, error);
      if (errorCode(error) === 'ENOENT') this.#listed.delete(directory);
      else this.#isWhole = false;
      // Out of descriptors or the disk hiccups: what is known stays in force.
      return this.#listed.get(directory) ?? [];
    }
  }

  #trouble(event: string, path: string, error: unknown): void {
    const why = reason(error);
    if (this.#troubles.get(path) === why) return;
    this.#troubles.set(path, why);
    this.#log('CRON', event, `${path}: ${why}`, { level: 'error' });
  }
}
