/** cronctl next: crontabs → what the daemon will start, and when. */
import { hostname } from 'node:os';
import { seedOf } from '../core/plan.ts';
import { parseCrontab } from '../core/crontab.ts';
import type { Entry } from '../core/entry.ts';
import { forecast } from '../core/forecast.ts';
import { refuseSetting, settingsOf } from '../core/settings.ts';
import { MINUTE_MS, type Offsets } from '../core/spans.ts';
import { isZone } from '../core/zone.ts';
import type { Tab } from '../spool/tab.ts';
import { configuration } from '../system/defaults.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { crowds, type Window } from './crowd.ts';
import { clockTime, distance, fit, onOneLine } from './lines.ts';
import { longOptions, type Options } from './longs.ts';
import { lookOf } from './look.ts';
import { type Choice, readTabs } from './tabs.ts';
import { print, say } from './terminal.ts';
import { picture } from './timeline.ts';
import { asJson, asText, localOffsets, type Show, upcoming, type Upcoming } from './upcoming.ts';
import { readTime } from './when.ts';

const USAGE = `usage:\tcronctl next [--file FILE [--system] | --user USER] [--from T] [--until T]
\t\t[-n N] [--tz ZONE] [--json] [--config FILE]

\t--file FILE\t(of this crontab and no other; "-": standard input)
\t--system\t(it has a user column, as /etc/crontab has)
\t--user USER\t(of this user's crontab)
\t--from T, --until T\t(now, today, tomorrow, 2026-11-22, 2026-11-22T13:05, 2026-11-22T13:05Z)
\t-n N\t(at most so many starts; 10, but with --until all)
\t--tz ZONE\t(as if this were the system's time zone)
\t--json\t(one object a line)
\t--config FILE\t(read this file and not /etc/mailcron.toml)`;

const NAMES = 'file: system user: from: until: timeline tz: json config: help'.split(' ');

/** Tell what will start; returns the exit status. */
export async function next(args: readonly string[]): Promise<number> {
  const { options, operands } = longOptions(args, NAMES, 'n:', USAGE);
  if (options.has('help')) return (await print(Buffer.from(`${USAGE}\n`))) ? EXIT.OK : EXIT.FAILURE;
  if (operands[0] !== undefined) throw misused(`"${operands[0]}" is no option: write --file FILE`);
  const now = Date.now();
  const offsets = localOffsets(readZone(options.get('tz')));
  const from = readInstant(options, 'from', now, offsets) ?? now;
  const until = readInstant(options, 'until', now, offsets);
  if (until !== undefined && until < from) throw misused('--until is before --from');
  const count = readCount(options.get('n'), until !== undefined);
  const paths = async () =>
    (await configuration({ config: options.get('config') }, process.env)).paths;
  const choice = chooseTabs(options);
  if (options.has('timeline')) {
    if (options.has('n')) throw misused('give -n or --timeline, not both');
    const window = windowOf(from, until, offsets);
    return showPicture(await readTabs(choice, paths), window, options.has('json'));
  }
  const tabs = await readTabs(choice, paths);
  const starts = upcoming(tabs, hostname(), {
    from,
    offsets,
    ...(until !== undefined && { until }),
  });
  const show = options.has('json')
    ? asJson
    : asText(tabs, offsets, options.has('from') ? null : now);
  if ((await printAll(starts, count, show)) === 0) say('cronctl: nothing starts in this time');
  return EXIT.OK;
}

/** More days than a picture should have. */
const MOST_DAYS = 31;

/** Without an end, a window has 24 rows: of the hour that it begins in only a part. */
function windowOf(from: number, until: number | undefined, offsets: Offsets): Window {
  if (until !== undefined && until - from > MOST_DAYS * 1440 * MINUTE_MS)
    throw misused(`--timeline shows ${MOST_DAYS} days at most`);
  const past = (from + offsets('', from) * MINUTE_MS) % HOUR_MS;
  return { from, until: until ?? from - past + 24 * HOUR_MS, offsets };
}

const HOUR_MS = 60 * MINUTE_MS;

/** Draw the window, or tell its minutes as JSON. */
async function showPicture(tabs: readonly Tab[], window: Window, isJson: boolean): Promise<number> {
  const found = crowds(tabs, hostname(), window);
  const lines = isJson
    ? [...found].map(([at, { starts }]) =>
        JSON.stringify({ at: new Date(at).toISOString(), starts }),
      )
    : picture(found, window, lookOf(process.stdout, process.env));
  if (lines.length > 0) await print(Buffer.from(`${lines.join('\n')}\n`));
  return EXIT.OK;
}

function misused(problem: string): Failure {
  return new Failure(`usage error: ${problem}\n${USAGE}`, { exit: EXIT.USAGE });
}

function readZone(zone: string | undefined): string {
  if (zone === undefined || isZone(zone)) return zone ?? '';
  throw misused(`"${zone}" is no time zone: write a name such as "Europe/Berlin"`);
}

function readInstant(
  options: Options,
  name: 'from' | 'until',
  now: number,
  offsets: Offsets,
): number | undefined {
  const text = options.get(name);
  if (text === undefined) return undefined;
  const at = readTime(text, now, (when) => offsets('', when));
  if (at !== null && at >= 0) return at;
  throw misused(
    `--${name} "${text}" is no time: write now, today, tomorrow, 2026-11-22 or 2026-11-22T13:05`,
  );
}

function readCount(text: string | undefined, bounded: boolean): number {
  if (text === undefined) return bounded ? Infinity : 10;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw misused(`-n "${text}" is no number`);
}

function chooseTabs(options: Options): Choice {
  const [file, user] = [options.get('file'), options.get('user')];
  const isSystem = options.has('system');
  if (file !== undefined && user !== undefined) throw misused('give --file or --user, not both');
  if (isSystem && file === undefined)
    throw misused('--system tells of a --file that it has a user column');
  if (file !== undefined) return { of: 'file', file, isSystem };
  return user === undefined ? { of: 'all' } : { of: 'user', user };
}

/** Lines that are written at a time. */
const BATCH = 500;

/** Print so many starts, and tell how many there were; a reader that goes away ends it. */
async function printAll(starts: Iterable<Upcoming>, count: number, show: Show): Promise<number> {
  let [printed, lines] = [0, ''];
  for (const start of starts) {
    lines += `${show(start)}\n`;
    if (++printed % BATCH === 0) {
      if (!(await print(Buffer.from(lines)))) return printed;
      lines = '';
    }
    if (printed === count) break;
  }
  if (lines !== '') await print(Buffer.from(lines));
  return printed;
}

/** What nextRuns() needs to know. */
export interface NextRunsOptions {
  /** The crontab's user. */
  readonly owner: string;
  readonly now: number;
  readonly offsets?: Offsets;
}

/** Entries that are told of at most. */
const TOLD = 20;

/**
 * Say when each entry that is new or changed will start first: text for a terminal, '' if none is.
 * Loads cron-parser: crontab(1) imports it when a table was installed at a terminal.
 * @param before the table that was in force, as a byte string; null: there was none
 */
export function nextRuns(before: string | null, after: string, options: NextRunsOptions): string {
  const { owner, now, offsets = localOffsets() } = options;
  const seed = seedOf(hostname(), owner);
  const read = (text: string): readonly Entry[] =>
    parseCrontab(text, { kind: 'user', owner, seed, refuse: refuseSetting }).entries;
  const old = new Set(read(before ?? '').map(nature));
  const fresh = read(after).filter((entry) => !old.has(nature(entry)));
  const lines = fresh.slice(0, TOLD).map((entry) => {
    const [start] = forecast(entry, {
      from: now,
      offsets,
      seed,
    });
    const when =
      start === undefined
        ? never(entry)
        : `${clockTime(start.at, offsets('', start.at))}, ${distance(start.at - now)}`;
    return fit(`  line ${entry.line}: ${when}: ${onOneLine(entry.command)}`);
  });
  if (lines.length === 0) return '';
  if (fresh.length > TOLD) lines.push(`  and ${fresh.length - TOLD} more`);
  return ['New or changed entries start first:', ...lines].join('\n');
}

/** What tells an entry from one that starts at other times or does something else. */
function nature({ identity, environment }: Entry): string {
  const { zone, randomDelay } = settingsOf(environment);
  return `${zone} ${randomDelay} ${identity}`;
}

function never({ schedule }: Entry): string {
  return schedule.kind === 'reboot' ? 'when the system starts' : 'never';
}
