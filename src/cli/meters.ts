/** The runs that are over, and what the scheduler knows → metrics, for cronctl and for a file of node_exporter's. */
import { closeSync, fchmodSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { Answer, Call } from '../control/desk.ts';
import { isPrivileged } from '../control/permit.ts';
import { type Family, Histogram, openMetrics, type Sample } from '../core/openmetrics.ts';
import type { Counts } from '../mail/listing.ts';
import type { RunningJob } from '../run/protocol.ts';
import type { Tab } from '../spool/tab.ts';
import type { Config } from '../system/config.ts';
import { reason } from '../system/failure.ts';
import { isLeftOut, MAIL_FATES, OUTCOMES, type RunRecord } from '../system/record.ts';
import type { Log } from '../system/sink.ts';
import { version } from './version.ts';

/** What is measured at the moment of the question. */
export interface Present {
  readonly tabs: readonly Tab[];
  readonly jobs: readonly RunningJob[];
  readonly runners: number;
  /** Of all users, in the outbox; null: not looked at. */
  readonly mails: Counts | null;
}

/** How late a job started, and how long it ran, in seconds. */
const DELAYS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300];
const DURATIONS = [0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400];
/** So many users, and entries, are told apart; who comes later is `(other)`. */
const USERS = 1000;
const ENTRIES = 1000;
const OTHER = '(other)';

/** What is counted of one user. */
interface Meters {
  readonly outcomes: Map<string, number>;
  readonly mails: Map<string, number>;
  readonly delay: Histogram;
  readonly duration: Histogram;
  bytes: number;
}

interface Moments {
  readonly labels: Readonly<Record<string, string>>;
  readonly user: string;
  success: number | null;
  failure: number | null;
}

/** Counts since this scheduler was started. */
export class Metrics {
  readonly #settings: Config['metrics'];
  readonly #started: number;
  readonly #users = new Map<string, Meters>();
  readonly #entries = new Map<string, Moments>();
  #trouble = '';

  /** @param started in milliseconds since the epoch */
  constructor(settings: Config['metrics'], started: number) {
    this.#settings = settings;
    this.#started = started;
  }

  /** Hear of a run that is over. */
  ran(record: RunRecord): void {
    const { outcome, mail, started, ended, scheduled, bytes } = record;
    if (outcome === 'late') return; // no run
    const meters = this.#metersOf(record.user);
    add(meters.outcomes, outcome);
    add(meters.mails, mail);
    meters.bytes += bytes;
    const due = scheduled === null ? NaN : Date.parse(scheduled);
    if (started !== null && started >= due && !isLeftOut(record))
      meters.delay.add((started - due) / 1000);
    if (started !== null && ended !== null && (outcome === 'succeeded' || outcome === 'failed'))
      meters.duration.add(Math.max(0, ended - started) / 1000);
    if (this.#settings.per_entry) this.#note(record);
  }

  /** Write it all; of one user where one is named, who is told nothing of the others. */
  text(present: Present, user: string | null): string {
    const isMeant = (name: string): boolean => user === null || name === user;
    const meters = [...this.#users].filter(([name]) => isMeant(name));
    const families = [
      ...(user === null ? this.#general(present) : []),
      ...loads(present, isMeant),
      ...runs(meters),
      ...(this.#settings.per_entry ? this.#moments(isMeant) : []),
    ];
    return openMetrics(families);
  }

  /** Put it all into the file that the configuration names. Never throws: what goes wrong is logged once. */
  write(present: Present, log: Log): void {
    const { textfile } = this.#settings;
    if (textfile === undefined) return;
    try {
      replacePublic(textfile, this.text(present, null));
      this.#trouble = '';
    } catch (error) {
      const trouble = reason(error);
      if (trouble !== this.#trouble)
        log('CRON', 'ERROR', `cannot write "${textfile}": ${trouble}`, { level: 'error' });
      this.#trouble = trouble;
    }
  }

  #metersOf(user: string): Meters {
    const name = this.#users.has(user) || this.#users.size < USERS ? user : OTHER;
    let meters = this.#users.get(name);
    if (meters === undefined) {
      const [delay, duration] = [new Histogram(DELAYS), new Histogram(DURATIONS)];
      meters = { outcomes: new Map(), mails: new Map(), delay, duration, bytes: 0 };
      this.#users.set(name, meters);
    }
    return meters;
  }

  #note(record: RunRecord): void {
    const { identity, crontab, line, user, outcome, ended, started } = record;
    const known = this.#entries.get(identity);
    if (known === undefined && this.#entries.size >= ENTRIES) return;
    const labels = { crontab: crontab ?? '', line: `${line ?? ''}`, entry: identity, user };
    const moments = { success: null, failure: null, ...known, labels, user };
    const at = (ended ?? started ?? 0) / 1000;
    if (outcome === 'succeeded') moments.success = at;
    else if (!isLeftOut(record)) moments.failure = at;
    this.#entries.set(identity, moments);
  }

  #general({ tabs, runners, mails }: Present): Family[] {
    return [
      gauge('mailcron_build_info', 'The version that runs.', [
        { labels: { version: version() }, value: 1 },
      ]),
      single(
        'mailcron_start_time_seconds',
        'When the scheduler was started.',
        this.#started / 1000,
      ),
      single('mailcron_crontabs', 'Crontabs in force.', tabs.length),
      single('mailcron_runners', 'Processes that run jobs.', runners),
      ...(mails === null
        ? []
        : [
            gauge('mailcron_outbox_mails', 'Mails that nobody took so far, or at all.', [
              { labels: { state: 'waiting' }, value: mails.waiting },
              { labels: { state: 'failed' }, value: mails.failed },
            ]),
          ]),
    ];
  }

  #moments(isMeant: (user: string) => boolean): Family[] {
    const all = [...this.#entries.values()].filter(({ user }) => isMeant(user));
    const samples = (which: 'success' | 'failure'): Sample[] =>
      all.flatMap(({ labels, [which]: value }) => (value === null ? [] : [{ labels, value }]));
    const [success, failure] = [samples('success'), samples('failure')];
    return [
      gauge(
        'mailcron_entry_last_success_timestamp_seconds',
        'When an entry last succeeded.',
        success,
      ),
      gauge('mailcron_entry_last_failure_timestamp_seconds', 'When an entry last failed.', failure),
    ];
  }
}

function loads({ tabs, jobs }: Present, isMeant: (user: string) => boolean): Family[] {
  const entries = new Map<string, number>();
  for (const { user, entries: own } of tabs)
    for (const entry of own) add(entries, user ?? entry.user ?? '');
  const [running, waiting] = [new Map<string, number>(), new Map<string, number>()];
  for (const job of jobs) add(job.waiting === true ? waiting : running, job.user);
  const byUser = (counts: ReadonlyMap<string, number>): Sample[] => {
    const known = [...counts].filter(([user]) => isMeant(user));
    const rest = known.slice(USERS).reduce((sum, [, value]) => sum + value, 0);
    const told = rest > 0 ? [...known.slice(0, USERS), [OTHER, rest] as const] : known;
    return told.map(([user, value]) => ({ labels: { user }, value }));
  };
  return [
    gauge('mailcron_entries', 'Entries in force.', byUser(entries)),
    gauge('mailcron_running_jobs', 'Jobs that run.', byUser(running)),
    gauge(
      'mailcron_waiting_jobs',
      'Jobs that wait for another one or for a place.',
      byUser(waiting),
    ),
  ];
}

function runs(users: readonly (readonly [string, Meters])[]): Family[] {
  const counts = (label: string, of: 'outcomes' | 'mails', known: readonly string[]): Sample[] =>
    users.flatMap(([user, meters]) =>
      known.map((each) => ({
        labels: { user, [label]: each },
        value: meters[of].get(each) ?? 0,
      })),
    );
  const histograms = (of: 'delay' | 'duration') =>
    users.map(([user, meters]) => ({ labels: { user }, of: meters[of] }));
  const outcomes = OUTCOMES.filter((outcome) => outcome !== 'late');
  return [
    counter('mailcron_runs', 'Runs that are over.', counts('outcome', 'outcomes', outcomes)),
    counter('mailcron_mails', 'Where the mail of runs went.', counts('fate', 'mails', MAIL_FATES)),
    counter(
      'mailcron_output_bytes',
      'What jobs printed.',
      users.map(([user, { bytes }]) => ({ labels: { user }, value: bytes })),
    ),
    {
      type: 'histogram',
      name: 'mailcron_start_delay_seconds',
      help: 'From the minute for which a job was due to its start.',
      histograms: histograms('delay'),
    },
    {
      type: 'histogram',
      name: 'mailcron_duration_seconds',
      help: 'How long jobs ran.',
      histograms: histograms('duration'),
    },
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { type: 'gauge', name, help, samples };
}

function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { type: 'counter', name, help, samples };
}

function single(name: string, help: string, value: number): Family {
  return gauge(name, help, [{ value }]);
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** In a directory that may be another's: the draft is new, and no link of theirs is followed. */
function replacePublic(file: string, text: string): void {
  const draft = `${file}.${process.pid}`;
  rmSync(draft, { force: true });
  const fd = openSync(draft, 'wx', 0o644);
  try {
    fchmodSync(fd, 0o644); // whatever the umask
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
  } finally {
    closeSync(fd);
  }
  renameSync(draft, file);
}

/** Answer: users are told of their own, root of all. */
export function metricsAnswer(
  metrics: Metrics,
  present: () => Promise<Present>,
  daemon: number,
): (call: Call) => Promise<Answer> {
  return async ({ head, caller, user }) => {
    const whose = head.user === undefined && isPrivileged(caller, daemon) ? null : user.name;
    return { head: { ok: true }, body: Buffer.from(metrics.text(await present(), whose)) };
  };
}
