/** One crontab file → its entries and what is wrong with its lines, or why it is refused. */
import { lstatSync, type Stats } from 'node:fs';
import { type Crontab, type CrontabOptions, parsePacked } from '../core/crontab.ts';
import type { Entries } from '../core/entries.ts';
import type { Problem } from '../core/problem.ts';
import { refuseSetting } from '../core/settings.ts';
import { fromBytes, toText } from '../system/bytes.ts';
import { reason } from '../system/failure.ts';
import type { Log } from '../system/sink.ts';
import { readAll, withFile } from './file.ts';
import { headerLength } from './header.ts';

/** Where a crontab lies and what it is called. */
export interface Place {
  /** The log's WHO: `alice`, `*system*` for /etc/crontab, `*system*NAME` for cron.d. */
  readonly label: string;
  readonly path: string;
  /** The path as vixie logs it: `crontabs/alice`, `/etc/cron.d/NAME`. */
  readonly shown: string;
  /** Whose tab of the spool it is; null: a system crontab, whose entries name their users. */
  readonly user: string | null;
}

/** A crontab in force. */
export interface Tab {
  readonly label: string;
  readonly path: string;
  readonly user: string | null;
  readonly entries: Entries;
  /** In line order; their owner may want to hear of them. */
  readonly problems: readonly Problem[];
}

/** What a file holds, as a byte string, or the log's EVENT and DETAIL that refuse it. */
export type Reading =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly event: string; readonly detail: string };

/** Longest crontab that is read, in bytes: no table can eat the daemon's memory (CVE-2019-9705). */
export const LOAD_LIMIT = 16 * 1024 * 1024;

/** Read a crontab that belongs to one of `owners`, with the checks of Debian's database.c, in its order. */
export function readTab(place: Place, owners: readonly number[]): Reading {
  const refuse = (event: string, why?: unknown): Reading => {
    const detail = why === undefined ? place.shown : `${place.shown}: ${reason(why)}`;
    return { ok: false, event, detail };
  };
  let link = false;
  try {
    if (place.user === null) {
      const stat = lstatSync(place.path);
      link = stat.isSymbolicLink();
      if (link && !owners.includes(stat.uid)) return refuse('WRONG SYMLINK OWNER');
    }
    return withFile(place.path, link, (fd, stat) => {
      const event = distrust(stat, place.user !== null, owners);
      if (event !== null) return refuse(event);
      const bytes = readAll(fd, stat.size, LOAD_LIMIT);
      if (bytes !== null) {
        const text = fromBytes(bytes);
        // Lines are counted as their user sees them.
        return { ok: true, text: place.user === null ? text : text.slice(headerLength(text)) };
      }
      const long = `${place.shown}: crontab must not be longer than ${LOAD_LIMIT} bytes`;
      return { ok: false, event: 'ERROR', detail: `${long}, this crontab file will be ignored` };
    });
  } catch (error) {
    return refuse(link ? "CAN'T OPEN SYMLINK" : "CAN'T OPEN", error);
  }
}

function distrust(stat: Stats, isUserTab: boolean, owners: readonly number[]): string | null {
  if (!owners.includes(stat.uid)) return 'WRONG FILE OWNER';
  if (!stat.isFile()) return 'NOT A REGULAR FILE';
  if (isUserTab && (stat.mode & 0o7777) !== 0o600) return 'INSECURE MODE (mode 0600 expected)';
  if ((stat.mode & 0o022) !== 0) return 'INSECURE MODE (group/other writable)';
  // A second name may be a trick to have a file loaded that nobody meant as a crontab.
  if (stat.nlink !== 1) return 'NUMBER OF HARD LINKS > 1';
  return null;
}

/** How a crontab is parsed when it is loaded; `hostname` seeds the random `~`, so that hosts differ. */
export function loadOptions(
  { label, user }: Pick<Place, 'label' | 'user'>,
  hostname: string,
): CrontabOptions {
  return {
    kind: user === null ? 'system' : 'user',
    owner: user ?? '',
    seed: `${hostname} ${label}`,
    refuse: refuseSetting,
  };
}

/** Parse the text of a crontab. */
export function parseTab(place: Place, text: string, hostname: string): Tab {
  return tabOf(place, parsePacked(text, loadOptions(place, hostname)));
}

/** Make a crontab in force of one that was parsed. */
export function tabOf({ label, path, user }: Place, parsed: Crontab<Entries>): Tab {
  const { entries, problems } = parsed;
  return { label, path, user, entries, problems };
}

/** Lines of one tab that are logged a load; a tab of ten thousand bad ones must not flood the log. */
const LOGGED = 100;

/** Log each bad line; Debian says `Error: bad minute; while reading FILE`, we add line, column and cause. */
export function logProblems(log: Log, place: Place, problems: readonly Problem[]): void {
  for (const { line, column, severity, reason: words, message } of problems.slice(0, LOGGED)) {
    const where = `${place.shown}:${line}:${column}`;
    const event = severity === 'error' ? 'ERROR' : 'WARNING';
    const level = severity === 'error' ? 'error' : 'info';
    log(place.label, event, `${words}; while reading ${where}: ${toText(message)}`, { level });
  }
  const rest = problems.length - LOGGED;
  if (rest > 0)
    log(place.label, 'ERROR', `${rest} more; while reading ${place.shown}`, { level: 'error' });
}
