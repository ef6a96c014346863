/** Inquiries → answers from the history's file, which is made where there is none, and anew where it is damaged. */
import type { RunRecord } from '../system/record.ts';
import { isDamage, openDatabase, setAside } from './database.ts';
import { fold } from './fold.ts';
import { type Query, Store, type Terms } from './store.ts';

/** Where the history is, and how much of it is kept. */
export interface HistoryPlace {
  readonly file: string;
  /** Of the files of records. */
  readonly records: string;
  readonly terms: Terms;
  /** Look whether all of the file is sound: the first time that a cron has it opened. */
  readonly check: boolean;
}

/** What it is asked for. */
export type Inquiry =
  /** Take what these files hold, and remove what is too old or too much. */
  | { readonly ask: 'fold'; readonly names: readonly string[] }
  | { readonly ask: 'list'; readonly query: Query }
  /** The runs whose name begins so; of the only one the output too. */
  | { readonly ask: 'log'; readonly prefix: string; readonly user: string | null }
  | { readonly ask: 'successes'; readonly identities: readonly string[] };

/** What it says to that. */
export type Told = {
  readonly folded?: Readonly<Record<string, number>>;
  readonly runs?: readonly RunRecord[];
  readonly output?: Uint8Array | null;
  readonly successes?: Readonly<Record<string, number>>;
  /** The file was damaged, and lies there now. */
  readonly damaged?: string;
};

/** Runs that are told of where a name is not enough. */
const CANDIDATES = 10;

/** Has the history open, and answers. */
export class Historian {
  readonly #place: HistoryPlace;
  #store: Store | null = null;
  #damaged: string | undefined;

  constructor(place: HistoryPlace) {
    this.#place = place;
  }

  /**
   * Answer; where the file turns out to be damaged only now, with a new one.
   * @throws when the file cannot be had, read or written now
   */
  answer(inquiry: Inquiry): Told {
    try {
      return this.#tell(inquiry);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#store?.close();
      this.#store = null;
      this.#damaged = setAside(this.#place.file);
      return this.#tell(inquiry);
    }
  }

  #tell(inquiry: Inquiry): Told {
    const told = this.#look(this.#open(), inquiry);
    const damaged = this.#damaged;
    this.#damaged = undefined;
    return damaged === undefined ? told : { ...told, damaged };
  }

  #look(store: Store, inquiry: Inquiry): Told {
    switch (inquiry.ask) {
      case 'fold': {
        const folded = fold(store, this.#place.records, inquiry.names, Date.now());
        store.prune(this.#place.terms, Date.now());
        return { folded };
      }
      case 'list':
        return { runs: store.list(inquiry.query) };
      case 'log': {
        const found = store.find(inquiry.prefix, inquiry.user, CANDIDATES + 1);
        const exact = found.filter(({ run }) => run === inquiry.prefix);
        const runs = exact.length > 0 ? exact : found;
        const [only] = runs;
        return runs.length === 1 && only !== undefined
          ? { runs, output: store.output(only.run) }
          : { runs };
      }
      case 'successes':
        return { successes: store.lastSuccesses(inquiry.identities) };
      default:
        return inquiry satisfies never;
    }
  }

  #open(): Store {
    if (this.#store !== null) return this.#store;
    const { database, damaged } = openDatabase(this.#place.file, this.#place.check);
    if (damaged !== null) this.#damaged = damaged;
    this.#store = new Store(database);
    return this.#store;
  }
}
