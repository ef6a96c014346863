/** Firings → jobs that begin now, wait for a job before them or for a place, or are left out. */
import { toText } from '../system/bytes.ts';
import type { Log } from '../system/sink.ts';
import { aboutOf, shown } from './firing.ts';
import type { Journal, JournalLine } from './journal.ts';
import { type Counts, type JobLimits, Limits } from './limits.ts';
import type { Firing, RunningJob, Word } from './protocol.ts';
import { Queue } from './queue.ts';

/** Who is told what becomes of firings. */
export interface AdmissionTools {
  readonly journal: Pick<Journal, 'write'>;
  readonly log: Log;
  /** Tell the scheduler. */
  readonly tell: (word: Word) => unknown;
  /** It begins, and leaves() when it has ended. */
  readonly onBegin: (firing: Firing) => void;
  /** It waits for the job before it. */
  readonly onWait: (firing: Firing) => void;
  /** It never begins. */
  readonly onLeftOut: (firing: Firing) => void;
}

/** Who may begin, of the firings of one runner. */
export class Admission {
  readonly #tools: AdmissionTools;
  readonly #limits: Limits;
  readonly #queue = new Queue();
  readonly #waiting = new Map<string, RunningJob>();

  constructor(limits: JobLimits, tools: AdmissionTools) {
    this.#limits = new Limits(limits);
    this.#tools = tools;
  }

  /** Jobs that wait. */
  get waiting(): readonly RunningJob[] {
    return [...this.#waiting.values()];
  }

  /** Those that would begin if they came now, or soon. */
  fit(firings: readonly Firing[]): Firing[] {
    return this.#limits.fit(firings.filter((firing) => !this.#queue.holds(firing)));
  }

  /**
   * Let firings begin, as far as they may; the others are in the journal as waiting when this returns.
   * @param busy entries with jobs in other runners
   */
  admit(firings: readonly Firing[], busy: readonly string[]): void {
    this.#queue.busyElsewhere(busy);
    this.#write(
      firings.flatMap((firing) =>
        this.#queue.holds(firing) ? this.#hold(firing) : this.#enter(firing),
      ),
    );
  }

  /** A job has ended: those that waited for it or for its place begin. */
  leave({ user, identity }: Firing): void {
    this.#limits.ended(user);
    this.#fill();
    this.#next(this.#queue.ended(identity));
  }

  /** The last job of an entry in other runners has ended. */
  free(identity: string): void {
    this.#next(this.#queue.free(identity));
  }

  /** So many jobs run in other runners. */
  elsewhere(counts: Counts): void {
    this.#limits.elsewhere(counts);
    this.#fill();
  }

  /** Nobody will tell of other runners any more. */
  alone(): void {
    for (const firing of this.#queue.freeAll()) this.#next(firing);
    this.elsewhere([]);
  }

  /** Let all that wait begin, room or not: cron is stopped, and each of them tells that it does not start. */
  beginAll(): void {
    const waiting = [...this.#limits.takeAll(), ...this.#queue.takeAll()];
    this.#tools.journal.write(waiting.map(({ run }) => ({ begin: run })));
    for (const firing of waiting) this.#begin(firing);
  }

  /** Let a firing wait for the job before it; what its journal is to say. */
  #hold(firing: Firing): JournalLine[] {
    this.#tools.onWait(firing);
    if (!this.#queue.wait(firing)) return this.#leaveOut(firing, 'still running');
    return this.#wait(firing, 'still running');
  }

  /** Begin a job that has nothing before it, or let it wait for a place; what its journal is to say. */
  #enter(firing: Firing): JournalLine[] {
    const isNew = !this.#waiting.has(firing.run);
    const why = this.#limits.reached(firing.user);
    if (why !== null && !this.#limits.wait(firing)) return this.#leaveOut(firing, why);
    this.#queue.started(firing.identity);
    if (why !== null) return isNew ? this.#wait(firing, why) : [];
    this.#begin(firing);
    return isNew ? [] : [{ begin: firing.run }];
  }

  #wait(firing: Firing, why: string): JournalLine[] {
    const { run, identity, user } = firing;
    const command = shown(firing.command);
    const job = { run, identity, user, command, since: Date.now(), pid: 0, waiting: true } as const;
    this.#waiting.set(run, job);
    this.#tools.tell({ word: 'started', job });
    this.#tools.log(user, 'INFO', `${why}, this one waits: ${toText(firing.command)}`);
    return [{ wait: run }];
  }

  /** Let it be; its record and its journal say so a little later. */
  #leaveOut(firing: Firing, why: string): JournalLine[] {
    const { run, user, identity, command, watched } = firing;
    const { log, tell, onLeftOut } = this.#tools;
    const detail = `${why} and too many wait, left out: ${toText(command)}`;
    log(user, 'ERROR', detail, { level: 'error', about: aboutOf(firing) });
    if (watched === true) tell({ word: 'over', run, exit: null, size: 0, isGapped: false });
    if (this.#waiting.delete(run)) {
      this.free(identity);
      tell({ word: 'ended', run, exit: null });
    }
    onLeftOut(firing);
    return [];
  }

  /** The one that waited for the job before it, if there is one, has nothing before it any more. */
  #next(firing: Firing | null): void {
    if (firing !== null) this.#write(this.#enter(firing));
  }

  /** Begin those that waited for a place, as far as there are some now. */
  #fill(): void {
    for (let next = this.#limits.next(); next !== null; next = this.#limits.next()) {
      this.#tools.journal.write([{ begin: next.run }]);
      this.#begin(next);
    }
  }

  #begin(firing: Firing): void {
    this.#waiting.delete(firing.run);
    this.#limits.started(firing.user);
    this.#tools.onBegin(firing);
  }

  #write(lines: readonly JournalLine[]): void {
    if (lines.length > 0) this.#tools.journal.write(lines);
  }
}
