/** The crontabs in force: each is loaded when it comes and reloaded at the refresh after a change. */
import { reason } from '../system/failure.ts';
import type { Log } from '../system/sink.ts';
import type { Users } from '../system/users.ts';
import { ownEntries, reportUnknownUsers } from './column.ts';
import { type Mark, markOf } from './mark.ts';
import { type Find, Owners } from './owners.ts';
import { Places, type Paths } from './places.ts';
import { logProblems, parseTab, type Place, readTab, type Tab } from './tab.ts';

/** All crontabs together, in vixie's word. */
export interface Database {
  /** In the order in which they run: /etc/crontab, cron.d by name, the spool by name. */
  readonly tabs: readonly Tab[];
  /** Bring `tabs` up to date; what is wrong with a crontab is logged and never thrown. */
  refresh(): Promise<void>;
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
  readonly mark: string;
  /** False: look again at the next refresh, whatever the mark says. */
  readonly settled: boolean;
  readonly tab: Tab | null;
  readonly refusal: Refusal | null;
  /** What the tab was parsed from, as long as it is not settled. */
  readonly text: string | null;
}

/** How long a refresh waits for the user database, in milliseconds: at the start, and in each minute. */
const START_PATIENCE = 5000;
const PATIENCE = 250;

class SpoolDatabase implements Database {
  tabs: readonly Tab[] = [];
  readonly #options: DatabaseOptions;
  readonly #places: Places;
  readonly #owners: Owners;
  #known: ReadonlyMap<string, Known> = new Map();
  #turn: Promise<void> = Promise.resolve();

  constructor(paths: Paths, options: DatabaseOptions) {
    const { uid, user, lsb = false, log } = options;
    this.#options = options;
    this.#places = new Places(paths, { onlyUser: uid === 0 ? null : user, lsb }, log);
    this.#owners = new Owners(options.users);
  }

  refresh(): Promise<void> {
    // One after the other: the minute and the watcher may ask at the same time.
    this.#turn = this.#turn.then(() => {
      const patience = this.#known.size === 0 ? START_PATIENCE : PATIENCE;
      return this.#owners.within(patience, (find) => this.#refresh(find));
    });
    return this.#turn;
  }

  async #refresh(find: Find): Promise<void> {
    const looks = this.#places.list().flatMap((place) => this.#look(place, find) ?? []);
    const found = await Promise.all(looks);
    this.#known = new Map(found.map((known) => [known.path, known]));
    this.tabs = found.flatMap(({ tab }) => tab ?? []);
  }

  /** Look at one file: null if it is gone, as it was if nothing changed. */
  #look(place: Place, find: Find): Promise<Known> | null {
    const mark = markOf(place.path);
    if (mark === null) return null;
    const before = this.#known.get(place.path);
    if (before?.settled === true && before.mark === mark.text) return Promise.resolve(before);
    return this.#load(place, mark, before, find).catch((error: unknown) =>
      // A surprise with one crontab must not cost the others theirs.
      this.#refuse(place, mark, before, failed(place, error), true),
    );
  }

  async #load(place: Place, mark: Mark, before: Known | undefined, find: Find): Promise<Known> {
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
    const state = { mark: mark.text, settled: !mark.young, text: mark.young ? text : null };
    if (before?.text === text && before.mark === mark.text) return { ...before, ...state };
    // An orphan whose user has come is no reload: it was never loaded, and has not changed.
    const isReload = before !== undefined && (before.tab !== null || before.mark !== mark.text);
    const tab = await this.#parse(place, text, isReload, find);
    return { path: place.path, ...state, tab, refusal: null };
  }

  async #parse(place: Place, text: string, isReload: boolean, find: Find): Promise<Tab> {
    const { log, uid, user, hostname } = this.#options;
    if (isReload) log(place.label, 'RELOAD', place.shown);
    const tab = parseTab(place, text, hostname);
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
    const state = { path: place.path, mark: mark.text, settled: !again && !mark.young };
    return { ...state, tab: null, refusal: { event, detail }, text: null };
  }
}

function failed(place: Place, error: unknown): Refusal {
  return { event: 'ERROR', detail: `${place.shown}: ${reason(error)}` };
}
