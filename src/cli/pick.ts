/** A word and the crontabs → the one entry that is meant by it, or those that may be. */
import type { Entry } from '../core/entry.ts';
import { identityOf } from '../run/firing.ts';
import type { Tab } from '../spool/tab.ts';
import { fromText } from '../system/bytes.ts';

/** An entry, where it stands. */
export interface Picked {
  readonly tab: Tab;
  readonly entry: Entry;
}

/** What a word means. */
export type Pick =
  | { readonly ok: true; readonly value: Picked }
  /** The first ones of so many; none: there is no such entry. */
  | { readonly ok: false; readonly candidates: readonly Picked[]; readonly count: number };

/** So many that may be meant are told of. */
const TOLD = 10;

/**
 * Find an entry, by its line in one's own crontab (`12`), by its crontab and line (`alice:12`,
 * `/etc/cron.d/backup:3`, `backup:3`), by its identity, or by a part of its command.
 * @param own whose crontab a number alone is about
 */
export function pickEntry(word: string, tabs: readonly Tab[], own: string): Pick {
  const { place = own, line } = /^(?:(?<place>.+):)?(?<line>[0-9]{1,9})$/s.exec(word)?.groups ?? {};
  const meant = tabs.filter((tab) => isAt(tab, place));
  // Where a line is asked for, no entry is started that happens to have the number in its command.
  if (line !== undefined && (meant.length > 0 || word === line))
    return decide(entriesOf(meant).filter(({ entry }) => entry.line === Number(line)));
  const identified = entriesOf(tabs).filter(
    ({ tab, entry }) => word.length === IDENTITY && identityOf(tab.label, entry) === word,
  );
  if (identified.length > 0) return decide(identified);
  const bytes = fromText(word);
  const found = entriesOf(tabs).filter(({ entry }) => entry.command.includes(bytes));
  const whole = found.filter(({ entry }) => entry.command === bytes);
  return decide(whole.length === 1 ? whole : found);
}

/** Length of an identity. */
const IDENTITY = 22;

/** How an entry is called without any doubt. */
export function nameOf({ tab, entry }: Picked): string {
  return `${tab.user ?? tab.path}:${entry.line}`;
}

/** Whether a crontab is called so: by its user; by its path, or the last word of it. */
function isAt({ user, path }: Tab, place: string): boolean {
  return user === null ? path === place || path.endsWith(`/${place}`) : user === place;
}

function entriesOf(tabs: readonly Tab[]): Picked[] {
  return tabs.flatMap((tab) => Array.from(tab.entries, (entry) => ({ tab, entry })));
}

function decide(found: readonly Picked[]): Pick {
  const [first, ...others] = found;
  if (first !== undefined && others.length === 0) return { ok: true, value: first };
  return { ok: false, candidates: found.slice(0, TOLD), count: found.length };
}
