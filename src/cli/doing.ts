/** What the daemon is doing → a line for the manager of services: its crontabs, its jobs, what comes next. */
import type { RunningJob } from '../run/protocol.ts';
import type { Tab } from '../spool/tab.ts';
import type { Clock } from '../system/clock.ts';
import type { Manager } from '../system/notify.ts';
import { count } from './columns.ts';
import { localTime } from './lines.ts';
import type { Soonest } from './soonest.ts';

/** What the line is about. */
export interface DoingTools {
  readonly manager: Manager;
  readonly crontabs: { readonly tabs: readonly Tab[] };
  readonly runners: { readonly jobs: readonly RunningJob[] };
  readonly soonest: Pick<Soonest, 'of'>;
  readonly clock: Pick<Clock, 'now'>;
}

/** Of more entries the next start is not looked for: nobody may be there to read it. */
const MOST = 1000;
/** Jobs come and go in crowds: told is what there is after so many milliseconds. */
const PAUSE = 1000;

/** The next start, known until it has passed or a crontab has changed. */
interface Known {
  readonly tabs: readonly Tab[];
  readonly from: number;
  /** Null: there is none. */
  readonly at: number | null;
}

/** Tells the manager, if there is one. */
export class Doing {
  readonly #tools: DoingTools;
  #known: Known | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(tools: DoingTools) {
    this.#tools = tools;
  }

  /** The work has begun, or goes on after the crontabs were looked at. */
  ready(): void {
    this.#tools.manager.ready(this.#line());
    this.changed();
  }

  /** Once a minute. */
  alive(): void {
    if (!this.#tools.manager.listens) return;
    this.#tools.manager.alive(this.#line());
    if (this.#isStale()) this.changed();
  }

  /** A job has started or ended; it is told soon. */
  changed(): void {
    if (!this.#tools.manager.listens) return;
    this.#timer ??= setTimeout(() => void this.#tell(), PAUSE).unref(); // never throws
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  async #tell(): Promise<void> {
    this.#timer = undefined;
    if (this.#isStale()) {
      const { tabs } = this.#tools.crontabs;
      const from = this.#tools.clock.now();
      const [next] = await this.#tools.soonest.of(null);
      this.#known = { tabs, from, at: next?.at ?? null };
    }
    this.#tools.manager.does(this.#line());
  }

  /** The next start is to be looked for. */
  #isStale(): boolean {
    return entriesIn(this.#tools.crontabs.tabs) <= MOST && !this.#isKnown();
  }

  #isKnown(): boolean {
    const known = this.#known;
    if (known === null) return false;
    const now = this.#tools.clock.now();
    return (
      known.tabs === this.#tools.crontabs.tabs && // a change of them comes with another array
      known.from <= now && // else the clock was set back
      (known.at === null || known.at > now)
    );
  }

  /** Everybody can read it: no word of a crontab is in it. */
  #line(): string {
    const { crontabs, runners } = this.#tools;
    const { tabs } = crontabs;
    const what = `${count(entriesIn(tabs), 'entry', 'entries')} in ${count(tabs.length, 'crontab')}`;
    const jobs = runners.jobs.filter(({ waiting }) => waiting !== true).length;
    const parts = [what, count(jobs, 'running job')];
    const at = this.#isKnown() ? (this.#known?.at ?? null) : null;
    if (at !== null) parts.push(`next ${localTime(at)}`);
    return parts.join(', ');
  }
}

function entriesIn(tabs: readonly Tab[]): number {
  return tabs.reduce((sum, { entries }) => sum + entries.length, 0);
}
