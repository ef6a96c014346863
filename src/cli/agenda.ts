/** SIGUSR1 → the schedule in the log: each entry, and when it starts next. */
import { hostname } from 'node:os';
import type { Tab } from '../spool/tab.ts';
import type { Clock } from '../system/clock.ts';
import type { Log } from '../system/sink.ts';
import { count } from './columns.ts';
import { clockTime, onOneLine } from './lines.ts';
import { FAR, nextStarts } from './soonest.ts';

/** So many entries are logged at most. */
const MOST = 10_000;

/** Log the schedule whenever that signal comes; one that comes meanwhile is for nothing. */
export function onUsr1(crontabs: { readonly tabs: readonly Tab[] }, clock: Clock, log: Log): void {
  let isBusy = false;
  process.on('SIGUSR1', () => {
    if (isBusy) return;
    isBusy = true;
    void logSchedule(crontabs.tabs, clock, log).finally(() => (isBusy = false)); // never throws
  });
}

async function logSchedule(tabs: readonly Tab[], clock: Clock, log: Log): Promise<void> {
  const all = tabs.reduce((sum, { entries }) => sum + entries.length, 0);
  const crontabs = count(tabs.length, 'crontab');
  log('CRON', 'INFO', `schedule: ${count(all, 'entry', 'entries')} in ${crontabs}`);
  let logged = 0;
  for await (const { tab, entry, user, start } of nextStarts(tabs, clock, hostname())) {
    if (logged++ === MOST) {
      log('CRON', 'INFO', `schedule: and ${count(all - MOST, 'entry', 'entries')} more`);
      return;
    }
    const never = entry.schedule.kind === 'reboot' ? '@reboot' : `not within ${FAR} days`;
    const when = start === null ? never : clockTime(start.at, clock.offset(start.at, ''));
    log(user, 'NEXT', `${when}, ${tab.path}:${entry.line}: ${onOneLine(entry.command)}`);
  }
}
