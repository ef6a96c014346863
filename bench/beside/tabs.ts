/** So many entries of so many users → crontabs as a cron takes them. */
import { peers } from './peers.ts';

/** A cron that takes few lines of a user gets more users. */
export function tabsOf(
  peer: string,
  {
    entries,
    people,
    mailed = false,
  }: { readonly entries: number; readonly people: number; readonly mailed?: boolean },
  line: (entry: number) => string,
): Map<string, string> {
  const { quiet = '', lines = Infinity } = peers[peer] ?? {};
  const count = Math.max(people, Math.ceil(entries / lines));
  const tabs = new Map<string, string>();
  for (let user = 0; user < count; user++) {
    const from = Math.floor((entries * user) / count);
    const to = Math.floor((entries * (user + 1)) / count);
    const own = Array.from({ length: to - from }, (_, at) => `${line(from + at)}\n`);
    tabs.set(`u${user}`, `${mailed ? `MAILTO=u${user}` : quiet}\n${own.join('')}`);
  }
  return tabs;
}

/** The times of an entry that is not due for months: a day of forty days ago. */
export function notSoon(entry: number): string {
  const day = new Date(Date.now() - 40 * 86_400_000);
  return `${entry % 60} ${Math.floor(entry / 60) % 24} ${day.getDate()} ${day.getMonth() + 1} *`;
}
