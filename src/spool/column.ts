/** The user column of a system crontab → entries of one user, or a word on users that do not exist. */
import { pack } from '../core/entries.ts';
import { toText } from '../system/bytes.ts';
import type { Log } from '../system/sink.ts';
import type { Find } from './owners.ts';
import type { Place, Tab } from './tab.ts';

/** Keep the entries that a daemon of an ordinary user can run, its own, and log how many it leaves. */
export function ownEntries(log: Log, place: Place, tab: Tab, user: string): Tab {
  const entries = [...tab.entries].filter((entry) => toText(entry.user ?? '') === user);
  const others = tab.entries.length - entries.length;
  if (others > 0) {
    const left = `${others} of ${tab.entries.length} entries left out`;
    log(place.label, 'INFO', `${left}: only ${user}'s run in this cron, which is not root's`);
  }
  return { ...tab, entries: pack(entries) };
}

/** Log each entry whose user is nobody; it stays, for the user may come with the network (LDAP). */
export async function reportUnknownUsers(
  log: Log,
  place: Place,
  { entries }: Tab,
  find: Find,
): Promise<void> {
  const names = new Set(Array.from(entries, (entry) => toText(entry.user ?? '')));
  const unknown = new Set<string>();
  const ask = async (name: string): Promise<void> => {
    if ((await find(name)) === null) unknown.add(name);
  };
  await Promise.all([...names].map(ask));
  for (const { line, user } of entries) {
    const name = toText(user ?? '');
    if (!unknown.has(name)) continue;
    const where = `bad username; while reading ${place.shown}:${line}`;
    const what = `user "${name}" unknown, looked up again at each run`;
    log(place.label, 'ERROR', `${where}: ${what}`, { level: 'error' });
  }
}
