/** The crontabs in force: each is loaded when it comes and reloaded at the refresh after a change. */
import type { Crontab } from '../core/crontab.ts';
import type { Entries } from '../core/entries.ts';
import { optimize } from '../system/compiler.ts';
import { reason } from '../system/failure.ts';
import { type Mark, markOf } from '../system/mark.ts';
import type { Log } from '../system/sink.ts';
import { Turns } from '../system/turns.ts';
import type { Users } from '../system/users.ts';
import { ownEntries, reportUnknownUsers } from './column.ts';
import { type Find, Owners } from './owners.ts';
import { Places, type Paths } from './places.ts';
import { logProblems, parseTab, type Place, readTab, type Tab, tabOf } from './tab.ts';

/** All crontabs together, in vixie's word. */
export interface Database {
  /** In the order in which they run: /etc/crontab, cron.d by name, the spool by name. */
  readonly tabs: readonly Tab[];
  /**
   * Bring `tabs` up to date; what is wrong with a crontab is logged and never thrown. Whoever asks
   * while others wait shares their look at the disk, which begins after the question.
   * @param extent `some`: of a spool's tabs only those that came, went or were not settled, and in turn some of the
   *   others, which may have been changed in their places; nothing: all
   */
  refresh(extent?: 'all' | 'some'): Promise<void>;
  /** Somebody may be changing one: the next refresh is of all. */
  suspect(): void;
  /**
   * Bring the tab of one user up to date, without a look at all the others.
   * @param parsed what its file should hold: it need not be parsed once more
   * @returns why it is not in force; null: it is, or there is none
   */
  reload(user: string, parsed?: ParsedTable): Promise<string | null>;
}

/** A table that was parsed as it is when it is loaded. */
export interface ParsedTable {
  /** A byte string. */
  readonly text: string;
  readonly crontab: Crontab<Entries>;
}

/** What the database needs of its daemon. */
export interface DatabaseOptions {
  readonly users: Users;
  readonly log: Log;
  /** The daemon's own; unless it is root's, only this user's entries count. */
  readonly uid: number;
  readonly user: string;
  readonly hostname: string;
  /** Names in cron.d by the LSB's rules (`cron -l`). */
  readonly lsb?: boolean;
}

/** Open the database of some paths; it is empty until the first refresh. */
export function openDatabase(paths: Paths, options: DatabaseOptions): Database {
  return new SpoolDatabase(paths, options);
}

/** Why a crontab is not in force: the log's EVENT and DETAIL. */
interface Refusal {
  readonly event: string;
  readonly detail: string;
}

/** What is known of one crontab. */
interface Known {
  readonly path: string;
  /** Whose tab of the spool it is; null: a system crontab. */
  readonly user: string | null;
  readonly mark: string;
  /** False: look again at the next refresh, whatever the mark says. */
  readonly settled: boolean;
  readonly tab: Tab | null;
  readonly refusal: Refusal | null;
  /** Of a tab that is not settled since its mark is young: what it was parsed from, and whose file it may be. */
  readonly young: { readonly text: string; readonly owners: readonly number[] } | null;
}

/** So many tabs of a spool at least are looked at in each minute, in which there is no hint that any has changed. */
const IN_TURN = 100;

/** To parse so many bytes is hard work: twice as fast with V8's optimizing compiler, which is not worth its memory before. */
const MUCH = 512 * 1024;

/** How long a refresh waits for the user database, in milliseconds: at the start, and in each minute. */
const START_PATIENCE = 5000;
const PATIENCE = 250;

class SpoolDatabase implements Database {
  tabs: readonly Tab[] = [];
  readonly #options: DatabaseOptions;
  readonly #places: Places;
  readonly #owners: Owners;
  #known: ReadonlyMap<string, Known> = new Map();
  /** Where they are, as of the last look. */
  #listed: readonly Place[] = [];
  /** Those among them that are looked at in each minute; null: what is known has changed since they were chosen. */
  #restless: readonly Place[] | null = null;
  /** The first place that is looked at in the next turn. */
  #turn = 0;
  /** A look that was asked for and has not begun. */
  #refreshing: Promise<void> | null = null;
  /** The next one is at everything. */
  #isSuspect = true;
  /** What files should hold that are to be looked at, by path. */
  readonly #parsed = new Map<string, ParsedTable>();
  /** Bytes that there were to parse. */
  #work = 0;
  /** The minute, the watcher and people who install may ask at the same time. */
  readonly #inTurn = new Turns();

  constructor(paths: Paths, options: DatabaseOptions) {
    const { uid, user, lsb = false, log } = options;
    this.#options = options;
    this.#places = new Places(paths, { onlyUser: uid === 0 ? null : user, lsb }, log);
    this.#owners = new Owners(options.users);
  }

  refresh(extent: 'all' | 'some' = 'all'): Promise<void> {
    if (extent === 'all') this.suspect();
    // The minute asks, and must not wait for all who install: it goes first, and does their work too.
    this.#refreshing ??= this.#inTurn.first(() => {
      const isWhole = this.#isSuspect;
      this.#refreshing = null;
      this.#isSuspect = false;
      return this.#ask((find) => this.#refresh(find, isWhole));
    });
    return this.#refreshing;
  }

  suspect(): void {
    this.#isSuspect = true;
  }

  reload(user: string, parsed?: ParsedTable): Promise<string | null> {
    const place = this.#places.of(user);
    if (place === null) return Promise.resolve(`"${user}" has no crontab in this cron`);
    if (parsed !== undefined) this.#parsed.set(place.path, parsed);
    return this.#inTurn.last(() => this.#ask((find) => this.#reload(place, find)));
  }

  /** Do work that asks the user database, and does not wait for it for long. */
  #ask<T>(work: (find: Find) => Promise<T>): Promise<T> {
    const patience = this.#known.size === 0 ? START_PATIENCE : PATIENCE;
    return this.#owners.within(patience, work);
  }

  async #reload(place: Place, find: Find): Promise<string | null> {
    const before = this.#known.get(place.path);
    const known = await this.#look(place, find);
    this.#parsed.delete(place.path);
    if (known !== before) this.#put(place, known);
    const refusal = known?.refusal ?? null;
    return refusal && `${refusal.event} (${refusal.detail})`;
  }

  /** Put one tab where it belongs: behind the system crontabs, in the order of the names. */
  #put({ path, user }: Place, known: Known | null): void {
    const all = [...this.#known.values()].filter((other) => other.path !== path);
    const after = all.findIndex(
      (other) => other.user !== null && user !== null && other.user > user,
    );
    if (known !== null) all.splice(after === -1 ? all.length : after, 0, known);
    this.#take(all);
  }

  #take(all: readonly Known[]): void {
    this.#restless = null;
    this.#known = new Map(all.map((known) => [known.path, known]));
    this.tabs = all.flatMap(({ tab }) => tab ?? []);
  }

  async #refresh(find: Find, isWhole: boolean): Promise<void> {
    const places = this.#places.list();
    const isSame = places === this.#listed;
    const looked = isWhole || !isSame ? places : this.#inQuestion(places);
    const before = this.#known;
    const found = new Map<string, Known | null>();
    const note = (path: string, known: Known | null): void => {
      if (known !== (before.get(path) ?? null)) found.set(path, known);
    };
    const loads: Promise<void>[] = [];
    for (const place of looked) {
      const known = this.#look(place, find);
      if (known instanceof Promise) loads.push(known.then((loaded) => note(place.path, loaded)));
      else note(place.path, known); // as most are, in each minute
    }
    await Promise.all(loads);
    this.#listed = places;
    if (isSame && found.size === 0) return;
    this.#take(
      places.flatMap(({ path }) => (found.has(path) ? found.get(path) : before.get(path)) ?? []),
    );
  }

  /** Places where something may be new though none came or went. */
  #inQuestion(places: readonly Place[]): Iterable<Place> {
    this.#restless ??= places.filter(
      ({ path, user }) => user === null || this.#known.get(path)?.settled !== true,
    );
    const turn = this.#turn < places.length ? this.#turn : 0;
    this.#turn = turn + IN_TURN;
    return new Set([...this.#restless, ...places.slice(turn, this.#turn)]);
  }

  /** Look at one file: null if it is gone, as it was if nothing changed. */
  #look(place: Place, find: Find): Promise<Known> | Known | null {
    const mark = markOf(place.path);
    if (mark === null) return null;
    const before = this.#known.get(place.path);
    if (before?.settled === true && before.mark === mark.text) return before;
    // All looks of a refresh come before the first line of any is parsed: see optimize().
    this.#work += mark.size;
    if (this.#work > MUCH) optimize();
    return this.#load(place, mark, before, find).catch((error: unknown) =>
      // A surprise with one crontab must not cost the others theirs.
      this.#refuse(place, mark, before, failed(place, error), true),
    );
  }

  async #load(place: Place, mark: Mark, before: Known | undefined, find: Find): Promise<Known> {
    const same = before?.mark === mark.text ? before : undefined;
    if (same !== undefined && same.young !== null) {
      // Nothing of it can be another but its content: its user need not be looked up once more.
      const reading = readTab(place, same.young.owners);
      if (reading.ok && reading.text === same.young.text)
        return { ...same, settled: !mark.young, young: mark.young ? same.young : null };
    }
    const owners = await this.#ownersOf(place, find);
    if (owners instanceof Error && before !== undefined && before.tab !== null)
      return { ...before, settled: false }; // its jobs would wait for the same answer
    if (owners instanceof Error)
      return this.#refuse(place, mark, before, failed(place, owners), true);
    if (owners === null) {
      const refusal = { event: 'ORPHAN', detail: 'no passwd entry' };
      return this.#refuse(place, mark, before, refusal, true);
    }
    const reading = readTab(place, owners);
    if (!reading.ok)
      return this.#refuse(place, mark, before, reading, reading.event.startsWith("CAN'T OPEN"));
    const { text } = reading;
    // An orphan whose user has come is no reload: it was never loaded, and has not changed.
    const isReload = before !== undefined && (before.tab !== null || before.mark !== mark.text);
    const tab = await this.#parse(place, text, isReload, find);
    const { path, user } = place;
    const state = {
      mark: mark.text,
      settled: !mark.young,
      young: mark.young ? { text, owners } : null,
    };
    return { path, user, ...state, tab, refusal: null };
  }

  async #parse(place: Place, text: string, isReload: boolean, find: Find): Promise<Tab> {
    const { log, uid, user, hostname } = this.#options;
    if (isReload) log(place.label, 'RELOAD', place.shown);
    const parsed = this.#parsed.get(place.path);
    const isParsed = parsed?.text === text;
    const tab = isParsed ? tabOf(place, parsed.crontab) : parseTab(place, text, hostname);
    logProblems(log, place, tab.problems);
    if (place.user !== null) return tab;
    if (uid !== 0) return ownEntries(log, place, tab, user);
    await reportUnknownUsers(log, place, tab, find);
    return tab;
  }

  /** Whose file a crontab may be; null: its user is nobody (yet). */
  async #ownersOf(place: Place, find: Find): Promise<number[] | null | Error> {
    const { uid } = this.#options;
    if (uid !== 0) return [0, uid];
    if (place.user === null) return [0];
    const user = await find(place.user);
    return user === null || user instanceof Error ? user : [0, user.uid];
  }

  /** Leave a crontab out, and say so once for each change of it or of the cause. */
  #refuse(
    place: Place,
    mark: Mark,
    before: Known | undefined,
    { event, detail }: Refusal,
    again: boolean,
  ): Known {
    const said = before?.refusal?.event === event && before.refusal.detail === detail;
    if (!said || before.mark !== mark.text)
      this.#options.log(place.label, event, detail, { level: 'error' });
    const { path, user } = place;
    const state = { path, user, mark: mark.text, settled: !again && !mark.young };
    return { ...state, tab: null, refusal: { event, detail }, young: null };
  }
}

function failed(place: Place, error: unknown): Refusal {
  return { event: 'ERROR', detail: `${place.shown}: ${reason(error)}` };
}
