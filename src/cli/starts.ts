/** What is due → the firings that the runner is handed. */
import { scheduledAt } from '../core/date.ts';
import { entriesWhere } from '../core/entries.ts';
import type { Due } from '../daemon.ts';
import { firingOf, instantOf } from '../run/firing.ts';
import type { Firing } from '../run/protocol.ts';
import type { Tab } from '../spool/tab.ts';
import { toText } from '../system/bytes.ts';
import type { Log } from '../system/sink.ts';

/** Make the firing of what is due. */
export function firingOfDue({ tab, entry, visit, late }: Due): Firing {
  return firingOf(tab.label, tab.user, entry, instantOf(visit, entry), late, scheduledAt(visit));
}

/** Make the firings, but for entries that are not to overlap and whose job is still running. */
export function firingsOf(
  due: readonly Due[],
  isRunning: (identity: string) => boolean,
  leaveOut: (firing: Firing) => void,
  firing = firingOfDue,
): Firing[] {
  return due.map(firing).filter((each) => {
    if (each.overlap !== 'skip' || !isRunning(each.identity)) return true;
    leaveOut(each);
    return false;
  });
}

/** The firings of all @reboot entries, once for this boot. */
export function rebootFirings(tabs: readonly Tab[], boot: string): Firing[] {
  return tabs.flatMap((tab) =>
    entriesWhere(tab.entries, (_, schedule) => schedule.kind === 'reboot').map((entry) =>
      firingOf(tab.label, tab.user, entry, `boot-${boot}`),
    ),
  );
}

/** What `cron -x test` does in place of starting, in vixie's words. */
export function pretend(firings: readonly Firing[], log: Log): void {
  for (const { user, command } of firings)
    log(user, 'CMD', `debug DTEST is on, not exec'ing command: ${toText(command)}`);
}
