/** The loop: wait for the minute, see what has changed, start what is due. */
import { agenda, type Due as DueIn, zonesOf } from './core/agenda.ts';
import { visitsWhileAway } from './core/catchup.ts';
import type { Now, Visit, Wake } from './core/clock.ts';
import type { Entry } from './core/entry.ts';
import type { Gap } from './core/missed.ts';
import { type Lasts, wakeAll } from './core/zones.ts';
import type { Tab } from './spool/tab.ts';
import type { Clock } from './system/clock.ts';
import type { Log } from './system/sink.ts';

export type Due = DueIn<Tab>;

/** Hears of what the next minute brings, if nothing changes until then. */
export interface Foresight {
  /** How long before the minute it wants to hear of so many starts, in milliseconds. */
  time(count: number): number;
  prepare(due: readonly Due[], within: number): void;
}

/** What the loop works with. */
export interface DaemonTools {
  readonly clock: Clock;
  /** All crontabs in force; `minute` compares them with what lies on the disk. */
  readonly crontabs: { readonly tabs: readonly Tab[]; minute(): Promise<void> };
  /** Start these; resolves when no crash can make them start a second time. */
  readonly start: (due: readonly Due[]) => Promise<void>;
  /** The UTC minute at which an entry that catches up was first seen. */
  readonly firstSeen: (tab: Tab, entry: Entry) => number;
  /** Keep how far entries have run, for the next start of the daemon. */
  readonly remember: (lasts: Lasts) => void;
  /** Hears of minutes that passed unseen, when what is made up for them has started. */
  readonly unseen?: (gap: Gap) => void;
  readonly foresight?: Foresight;
  readonly hostname: string;
  readonly log: Log;
}

const MINUTE = 60_000;

/**
 * Run until the signal aborts.
 * @param from how far entries have run, as the rule for restarts has it
 * @param ran how far they really ran: from there on CRON_CATCHUP makes up
 */
export async function daemon(
  tools: DaemonTools,
  from: Lasts,
  ran: Lasts,
  signal: AbortSignal,
): Promise<void> {
  const { clock, crontabs, start, firstSeen, remember, unseen, hostname, log } = tools;
  let [lasts, behind] = [from, ran];
  let before: Wake['jump'] = 'none';
  // The first look is at once: what passed during a restart need not wait for the next minute.
  let at: number;
  for (; !signal.aborted; await rest(tools, lasts, at, signal)) {
    // Timers fire up to a millisecond early, and clocks are set: which minute it is, is asked anew.
    at = clock.now();
    const nowIn = momentAt(clock, at);
    if (wakeAll(lasts, [], nowIn).own.jump === 'none') continue;

    await crontabs.minute();
    const zones = zonesOf(crontabs.tabs, hostname);
    const woken = wakeAll(lasts, zones, nowIn);
    const { jump, visits } = woken.own;
    const told = jump === 'backward' && visits.length === 0 ? SET_BACK : JUMPS[jump];
    if (jump !== before && told !== undefined) log('CRON', 'INFO', told);
    before = jump;

    const away = whileAway(clock, behind, nowIn);
    for (const round of agenda(crontabs.tabs, woken.wakes, { away, firstSeen }, hostname))
      await start(round);
    if (signal.aborted) return; // what has not started is for the next scheduler
    const minutes = nowIn('').utc - (behind['']?.wild ?? 0);
    lasts = behind = woken.lasts;
    remember(lasts);
    if (away('') !== null) unseen?.({ minutes, away, wakes: woken.wakes });
  }
}

/** Wait for the minute after `at`, and say what it will bring some time before. */
async function rest(
  tools: DaemonTools,
  lasts: Lasts,
  at: number,
  signal: AbortSignal,
): Promise<void> {
  const { clock, crontabs, foresight, hostname } = tools;
  const left = (): number => untilNext(at, clock.now());
  const minute = (Math.floor(at / MINUTE) + 1) * MINUTE;
  /** What is due then, as it looks now: the next minute and no other. */
  const ahead = (): readonly Due[] => {
    const woken = wakeAll(lasts, zonesOf(crontabs.tabs, hostname), momentAt(clock, minute));
    if (woken.own.jump !== 'normal') return [];
    const past = { away: () => null, firstSeen: () => 0 };
    return agenda(crontabs.tabs, woken.wakes, past, hostname).flat();
  };
  const count = foresight === undefined ? 0 : ahead().length;
  if (foresight !== undefined && count > 0) {
    await clock.sleep(Math.max(0, left() - foresight.time(count)), signal);
    if (signal.aborted) return;
    const within = minute - clock.now();
    const due = within > 0 && within <= MINUTE ? ahead() : []; // the clock may have been set
    if (due.length > 0) foresight.prepare(due, within);
  }
  await clock.sleep(left(), signal);
}

/** How long it is to the minute after `at`: if that has begun meanwhile, it waits for no other. */
function untilNext(at: number, now: number): number {
  const left = (Math.floor(at / MINUTE) + 1) * MINUTE - now;
  return left > MINUTE ? MINUTE - (now % MINUTE) : Math.max(0, left); // the clock may have been set back
}

/** The minute that it is, in UTC and on the clocks of each zone. */
export function momentAt(clock: Clock, at: number): (zone: string) => Now {
  const utc = Math.floor(at / MINUTE);
  return (zone) => ({ utc, local: utc + clock.offset(at, zone) });
}

/** The visits of the minutes that passed unseen, zone by zone; null where none did. */
function whileAway(
  clock: Clock,
  behind: Lasts,
  nowIn: (zone: string) => Now,
): (zone: string) => readonly Visit[] | null {
  const known = new Map<string, readonly Visit[]>();
  return (zone) => {
    const [last, now] = [behind[zone], nowIn(zone)];
    if (last === undefined || now.utc - last.wild <= 1) return null;
    const visits =
      known.get(zone) ?? visitsWhileAway(last, now, (utc) => clock.offset(utc * MINUTE, zone));
    known.set(zone, visits);
    return visits;
  };
}

/** No summer time that ends: these minutes have passed before, and nothing starts twice for one. */
const SET_BACK = 'the clock was set back: all entries wait until it has caught up';

/** What the log says of a clock that moved, once. */
const JUMPS: Partial<Record<Wake['jump'], string>> = {
  small: 'woke up late: the minutes that passed are made up',
  forward: 'the clock went forward: entries with a fixed time in between run now',
  backward: 'the clock went back: entries with a fixed time wait until it has caught up',
  large: 'the clock was set by more than three hours: going on from this minute',
};
