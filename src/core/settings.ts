/** The variables by which a crontab tells cron itself something → what they mean for an entry. */

import { lookup, type Environment } from './environment.ts';
import { quoted } from './escape.ts';
import { isZone } from './zone.ts';

/** What holds for the entries below the assignments that say it. */
export interface Settings {
  /** CRON_TZ: the zone whose clocks the fields are matched with; empty for the daemon's own. */
  readonly zone: string;
  /** RANDOM_DELAY: at most so many minutes later; drawn once an entry and host. */
  readonly randomDelay: number;
  /** CRON_MAIL_SUCCESS: when a job that succeeded is mailed. Failures are, if anything was printed. */
  readonly mailSuccess: 'always' | 'nonempty' | 'never';
  /** CRON_TIMEOUT: seconds after which a job is ended; 0 for never. */
  readonly timeout: number;
  /** CRON_EXPECT: seconds within which a job is expected to succeed again; 0 for nothing expected. */
  readonly expect: number;
  /** CRON_OVERLAP: what to do when the job of the last time is still running. */
  readonly overlap: 'allow' | 'skip' | 'queue';
  /** CRON_CATCHUP: what to do about times at which cron was not running. */
  readonly catchup: 'skip' | 'once' | 'all';
  /** CRON_MEMORY, CRON_CPU, CRON_TASKS: what a job may use at most, where it has a scope of its own. */
  readonly limits: Limits;
}

/** 0 is no limit. */
export interface Limits {
  /** In bytes ... */
  readonly memory: number;
  /** ... or in percent of the machine's. */
  readonly memoryPercent: number;
  /** Percent of one processor. */
  readonly cpu: number;
  /** Processes and threads. */
  readonly tasks: number;
}

/** cronie's bound: a day. */
const DELAY_LIMIT = 1440;
/** 24 days: timers of Node reach no further than 2^31 milliseconds. */
const TIMEOUT_LIMIT = 24 * 86_400;

/** A year, and a day. */
const EXPECT_LIMIT = 366 * 86_400;

/** Of a thousand processors. */
const CPU_LIMIT = 100_000;
/** The kernel has no more pids. */
const TASKS_LIMIT = 4_194_304;

const BYTES: Readonly<Record<string, number>> = {
  '': 1,
  K: 1024,
  M: 1024 ** 2,
  G: 1024 ** 3,
  T: 1024 ** 4,
};

const SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** Names, in the order of the manual page, and why a value cannot stand; an empty one means unset. */
const REFUSALS: Readonly<Record<string, (value: string) => string | null>> = {
  CRON_TZ: (value) =>
    isZone(value)
      ? null
      : `${quoted(value)} is no time zone: write a name such as "Europe/Berlin" or "UTC"`,
  RANDOM_DELAY: (value) =>
    /^\d{1,4}$/.test(value) && Number(value) <= DELAY_LIMIT
      ? null
      : `${quoted(value)} is no number of minutes from 0 to ${DELAY_LIMIT}`,
  CRON_MAIL_SUCCESS: (value) => oneOf(value, ['always', 'nonempty', 'never']),
  CRON_TIMEOUT: (value) =>
    seconds(value) === null
      ? `${quoted(value)} is no time: write seconds, or a number with s, m, h or d, up to 24d`
      : null,
  CRON_EXPECT: (value) =>
    seconds(value, EXPECT_LIMIT) === null
      ? `${quoted(value)} is no time: write seconds, or a number with s, m, h or d, up to 366d`
      : null,
  CRON_OVERLAP: (value) => oneOf(value, ['allow', 'skip', 'queue']),
  CRON_CATCHUP: (value) => oneOf(value, ['skip', 'once', 'all']),
  CRON_MEMORY: (value) =>
    memory(value) === null
      ? `${quoted(value)} is no amount of memory: write bytes, a number with K, M, G or T, or a percentage up to 100%`
      : null,
  CRON_CPU: (value) =>
    wholeUpTo(value.replace(/%$/, ''), CPU_LIMIT) === null || !value.endsWith('%')
      ? `${quoted(value)} is no share of a processor: write a percentage such as 50%, or 200% for two of them`
      : null,
  CRON_TASKS: (value) =>
    wholeUpTo(value, TASKS_LIMIT) === null
      ? `${quoted(value)} is no number of processes from 0 to ${TASKS_LIMIT}`
      : null,
};

/** Say why an assignment to one of these variables cannot stand; null if it can, or is none of them. */
export function refuseSetting(name: string, value: string): string | null {
  if (value === '' || !Object.hasOwn(REFUSALS, name)) return null;
  return REFUSALS[name]?.(value) ?? null;
}

/** Entries share their environments, so each is read once. */
const known = new WeakMap<Environment, Settings>();

/** Read the settings that an entry's environment holds; values that cannot stand count as unset. */
export function settingsOf(environment: Environment): Settings {
  const hit = known.get(environment);
  if (hit !== undefined) return hit;
  const value = (name: string): string | undefined => {
    const found = lookup(environment, name);
    return found && refuseSetting(name, found) === null ? found : undefined;
  };
  const settings: Settings = {
    zone: value('CRON_TZ') ?? '',
    randomDelay: Number(value('RANDOM_DELAY') ?? 0),
    mailSuccess: choice(value('CRON_MAIL_SUCCESS'), ['nonempty', 'always', 'never']),
    timeout: seconds(value('CRON_TIMEOUT') ?? '0') ?? 0,
    expect: seconds(value('CRON_EXPECT') ?? '0', EXPECT_LIMIT) ?? 0,
    overlap: choice(value('CRON_OVERLAP'), ['allow', 'skip', 'queue']),
    catchup: choice(value('CRON_CATCHUP'), ['skip', 'once', 'all']),
    limits: {
      ...(memory(value('CRON_MEMORY') ?? '0') ?? { memory: 0, memoryPercent: 0 }),
      cpu: Number((value('CRON_CPU') ?? '0').replace(/%$/, '')),
      tasks: Number(value('CRON_TASKS') ?? 0),
    },
  };
  known.set(environment, settings);
  return settings;
}

function oneOf(value: string, words: readonly string[]): string | null {
  return words.includes(value) ? null : `${quoted(value)} is none of ${words.join(', ')}`;
}

/** The word that the value is, or the first. */
function choice<T extends string>(value: string | undefined, words: readonly [T, ...T[]]): T {
  return words.find((word) => word === value) ?? words[0];
}

function seconds(value: string, limit = TIMEOUT_LIMIT): number | null {
  const { number = '', unit = '' } =
    /^(?<number>\d{1,8})(?<unit>[smhd]?)$/.exec(value)?.groups ?? {};
  const total = Number(number) * (SECONDS[unit] ?? 1);
  return number === '' || total > limit ? null : total;
}

function memory(value: string): Pick<Limits, 'memory' | 'memoryPercent'> | null {
  if (value.endsWith('%')) {
    const percent = wholeUpTo(value.slice(0, -1), 100);
    return percent === null ? null : { memory: 0, memoryPercent: percent };
  }
  const { number = '', unit = '' } =
    /^(?<number>\d{1,15})(?<unit>[KMGT]?)$/.exec(value)?.groups ?? {};
  const bytes = Number(number) * (BYTES[unit] ?? 1);
  return number === '' || !Number.isSafeInteger(bytes) ? null : { memory: bytes, memoryPercent: 0 };
}

function wholeUpTo(value: string, limit: number): number | null {
  return /^\d{1,8}$/.test(value) && Number(value) <= limit ? Number(value) : null;
}
