/** CRON_EXPECT: entries and the runs that succeed → those without a success for too long, each told of once. */
import { readFileSync } from 'node:fs';
import { entriesWhere } from '../core/entries.ts';
import type { Entry } from '../core/entry.ts';
import { lookup } from '../core/environment.ts';
import { settingsOf } from '../core/settings.ts';
import { firingOf, identityOf } from '../run/firing.ts';
import type { Firing } from '../run/protocol.ts';
import type { Tab } from '../spool/tab.ts';
import { fromText, toText } from '../system/bytes.ts';
import { errorCode, reason } from '../system/failure.ts';
import type { RunRecord } from '../system/record.ts';
import { replaceFile } from '../system/replace.ts';
import type { Log } from '../system/sink.ts';

/** An entry that has not succeeded for longer than its crontab expects. */
export interface Overdue {
  readonly identity: string;
  readonly crontab: string;
  readonly line: number;
  /** Its line, and its command, as text. */
  readonly entry: string;
  readonly command: string;
  readonly user: string;
  /** Its last success, or when it was first seen; in milliseconds since the epoch. */
  readonly since: number;
  /** The mail that tells its owner: a job of his that prints it. */
  readonly firing: Firing;
}

interface State {
  since: number;
  /** Its owner knows. */
  told: boolean;
  /** It has succeeded at least once. */
  succeeded: boolean;
}

interface Expected {
  readonly tab: Tab;
  readonly entry: Entry;
  readonly identity: string;
  readonly state: State;
  /** In seconds. */
  readonly expect: number;
}

/** What is expected of which entries, kept in a file of the state directory. */
export class Expectations {
  readonly #file: string;
  readonly #log: Log;
  #states: Map<string, State>;
  #isChanged = false;

  constructor(file: string, log: Log) {
    this.#file = file;
    this.#log = log;
    this.#states = new Map(Object.entries(this.#read()));
  }

  /** Hear of a run that is over. */
  ran({ identity, outcome, ended, started }: RunRecord): void {
    const state = this.#states.get(identity);
    const at = ended ?? started;
    if (state === undefined || outcome !== 'succeeded' || at === null || at < state.since) return;
    Object.assign(state, { since: at, told: false, succeeded: true });
    this.#isChanged = true;
  }

  /** Know the entries of which something is expected, from now on; those that are gone are forgotten. */
  note(tabs: readonly Tab[], now: number): void {
    this.#noted(tabs, now);
    if (this.#isChanged) this.#write();
  }

  /** Each minute: who has waited for too long, and has not been told of yet? */
  look(tabs: readonly Tab[], now: number): Overdue[] {
    const overdue = this.#noted(tabs, now).flatMap(({ tab, entry, identity, state, expect }) => {
      if (state.told || now - state.since <= expect * 1000) return [];
      state.told = true;
      this.#isChanged = true;
      return [overdueOf(tab, entry, identity, state)];
    });
    if (this.#isChanged) this.#write();
    return overdue;
  }

  #noted(tabs: readonly Tab[], now: number): Expected[] {
    const states = new Map<string, State>();
    const expected: Expected[] = [];
    for (const tab of withExpectations(tabs))
      for (const entry of expecting(tab)) {
        const { expect } = settingsOf(entry.environment);
        const identity = identityOf(tab.label, entry);
        const state = this.#states.get(identity) ?? this.#first(now);
        // A clock that was ahead must not make an entry wait for it.
        if (state.since > now) Object.assign(state, { since: now, told: false });
        states.set(identity, state);
        expected.push({ tab, entry, identity, state, expect });
      }
    if (states.size !== this.#states.size) this.#isChanged = true;
    this.#states = states;
    return expected;
  }

  #first(now: number): State {
    this.#isChanged = true;
    return { since: now, told: false, succeeded: false };
  }

  #read(): Record<string, State> {
    try {
      const states: unknown = JSON.parse(readFileSync(this.#file, 'utf8'));
      if (isStates(states)) return states;
      this.#complain('use', new Error('it does not hold what is expected'));
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') this.#complain('use', error);
    }
    return {};
  }

  #write(): void {
    try {
      replaceFile(this.#file, `${JSON.stringify(Object.fromEntries(this.#states))}\n`);
      this.#isChanged = false;
    } catch (error) {
      this.#complain('write', error); // and it is tried again in a minute
    }
  }

  #complain(what: string, error: unknown): void {
    const detail = `cannot ${what} "${this.#file}": ${reason(error)}`;
    this.#log('CRON', 'ERROR', detail, { level: 'error' });
  }
}

function isStates(value: unknown): value is Record<string, State> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every(
      (state: unknown) =>
        typeof state === 'object' &&
        state !== null &&
        'since' in state &&
        Number.isFinite(state.since) &&
        'told' in state,
    )
  );
}

/** Entries with CRON_EXPECT: each minute asks for them, and neither looks at all crontabs nor at a hundred thousand entries. */
const known = new WeakMap<Tab, readonly Entry[]>();
const knownOfAll = new WeakMap<readonly Tab[], readonly Tab[]>();

/** The crontabs with such entries. @param tabs never changed: others are another array */
function withExpectations(tabs: readonly Tab[]): readonly Tab[] {
  const found = knownOfAll.get(tabs) ?? tabs.filter((tab) => expecting(tab).length > 0);
  knownOfAll.set(tabs, found);
  return found;
}

/** The entries of a crontab that are expected to succeed. */
function expecting(tab: Tab): readonly Entry[] {
  const found =
    known.get(tab) ??
    entriesWhere(tab.entries, (environment) => settingsOf(environment).expect > 0);
  known.set(tab, found);
  return found;
}

/** Of an entry's environment so much matters for this mail; nothing that would keep it back. */
const KEPT = ['MAILTO', 'MAILFROM'] as const;

function overdueOf(tab: Tab, entry: Entry, identity: string, state: State): Overdue {
  const expected = lookup(entry.environment, 'CRON_EXPECT') ?? '';
  const [line = ''] = entry.identity.split('\n', 1);
  const when = new Date(state.since).toISOString();
  const since = state.succeeded ? `It last succeeded at ${when}.` : `It is there since ${when}.`;
  const text = [
    `This job has not succeeded within ${expected} (CRON_EXPECT):`,
    '',
    `  ${line}`,
    '',
    fromText(`It is line ${entry.line} of the crontab ${toText(fromText(tab.path))}.`),
    since,
    'There is no further mail about it before it has succeeded again.',
    '',
  ].join('\n');
  const environment = KEPT.flatMap((name) => {
    const value = lookup(entry.environment, name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const firing = firingOf(
    tab.label,
    tab.user,
    {
      ...entry,
      schedule: { kind: 'reboot' },
      flags: { quiet: true, mailOnFailure: false, single: false },
      command: `cat # no success within ${expected}: ${entry.command}`,
      stdin: text,
      environment,
      identity: `expect ${entry.identity}`,
    },
    `${state.since}`,
  );
  return {
    identity,
    crontab: tab.label,
    line: entry.line,
    entry: toText(line),
    user: firing.user,
    command: toText(entry.command),
    since: state.since,
    firing,
  };
}
