/** The scheduler's side: finds living runners, starts one of its own, hands it the firings. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { reason } from '../system/failure.ts';
import type { Log } from '../system/sink.ts';
import { Connection } from './connection.ts';
import { Connections } from './connections.ts';
import type { Ending } from './ending.ts';
import { Handed } from './handed.ts';
import { type Left, Past, unlinkIfThere } from './past.ts';
import type { Firing, RunningJob, Witness } from './protocol.ts';
import { ANSWER, reach } from './reach.ts';
import { recruit } from './recruit.ts';
import { stopJobs } from './stopping.ts';
import { type Watch, Watches } from './watches.ts';

/** Where runners are and how one is started. */
export interface RunnersSetup {
  /** Journals, one a runner. */
  readonly journals: string;
  /** Sockets, one a runner. */
  readonly sockets: string;
  /** Output of jobs, named by the run. */
  readonly outputs: string;
  /** Start a runner of that name; resolves when its journal and its socket are there. */
  readonly fork: (id: string) => Promise<void>;
  readonly log: Log;
  /** A runner has put a mail into the outbox. */
  readonly onPosted: () => void;
  /** A runner has recorded how a run ended. */
  readonly onWritten?: () => void;
  /** Runs whose mail is in the outbox: nobody need be told of them. */
  readonly mailed: () => ReadonlySet<string>;
  /** Hears how jobs begin and end, also those of earlier schedulers. */
  readonly witness?: Witness;
  /** Ends all waiting: the scheduler is to leave. */
  readonly signal: AbortSignal;
}

/** A runner whose journal has this size drains, and another one begins a new journal. */
const JOURNAL_LIMIT = 16 * 1024 * 1024;

/** A runner that is alive. */
export interface RunnerInfo {
  readonly id: string;
  readonly pid: number | null;
  /** Jobs that it runs. */
  readonly jobs: number;
  /** It starts nothing any more, and ends after its last job. */
  readonly draining: boolean;
}

/** Take over what earlier schedulers left, and start a runner. */
export async function openRunners(setup: RunnersSetup): Promise<Runners> {
  const runners = new Runners(setup);
  await runners.takeOver();
  return runners;
}

/** All runners that this scheduler knows: its own, and those that drain. */
export class Runners {
  readonly #setup: RunnersSetup;
  readonly #past: Past;
  readonly #handed: Handed;
  readonly #connections = new Connections();
  readonly #watches = new Watches();
  #closed = false;
  #starting = Promise.resolve();

  constructor(setup: RunnersSetup) {
    this.#setup = setup;
    this.#past = new Past(setup.journals, setup.outputs, setup.log);
    this.#handed = new Handed((left) => this.#past.settle(left));
    setup.signal.addEventListener('abort', () => this.#stop(), { once: true });
  }

  /** Jobs that are running or waiting, of all runners. */
  get jobs(): readonly RunningJob[] {
    return this.#connections.jobs;
  }

  /** Send a signal to a job; false: it is not running any more. */
  async kill(run: string, ending: Ending): Promise<boolean> {
    return (await this.#connections.holder(run)?.kill(run, ending)) ?? false;
  }

  /** Watch a run that is running, or that is to start; to be closed again. */
  watch(run: string): Watch {
    return this.#watches.open(run, this.#connections.holder(run));
  }

  unwatch(watch: Watch): void {
    this.#watches.close(watch);
  }

  /** The runners, our own last. */
  get list(): readonly RunnerInfo[] {
    return this.#connections.all.map(({ id, connection, draining }) => ({
      id,
      pid: this.#past.writer(id).pid ?? null,
      jobs: connection.jobs.size,
      draining,
    }));
  }

  /** Whether a job of that entry is running, or about to. */
  isRunning(identity: string): boolean {
    return [...this.jobs, ...this.#handed.firings].some((job) => job.identity === identity);
  }

  /** Start what was not started before; resolves when all of it is in the journal, or the signal came. */
  async start(firings: readonly Firing[]): Promise<void> {
    const fresh = firings.filter(({ key }) => !this.#past.has(key));
    if (fresh.length === 0 || this.#closed) return;
    const recorded = this.#handed.add(fresh);
    this.#connections.share();
    this.#connections.own?.connection.start(fresh, this.#connections.busyElsewhere());
    const slow = setTimeout(() => {
      const detail = `the runner has not answered for ${ANSWER / 1000} s: ${fresh.length} jobs wait`;
      this.#setup.log('CRON', 'ERROR', detail, ERROR);
    }, ANSWER);
    await recorded;
    clearTimeout(slow);
    await this.#rotate();
  }

  /** Have these ready, which are likely to be started within so many milliseconds: then that takes less time. */
  arm(firings: readonly Firing[], within: number): void {
    if (this.#closed) return;
    const fresh = firings.filter(({ key }) => !this.#past.has(key));
    this.#connections.own?.connection.arm(fresh, within);
  }

  /** Leave: the runner sees its jobs to their end, and then ends; one that just starts does so too. */
  async close(): Promise<void> {
    this.#stop();
    await this.#starting;
    this.#connections.own?.connection.drain();
    for (const { connection } of this.#connections.all) connection.leave();
  }

  /** Have all jobs of all runners ended, and wait for their mail; whether the signal had to end that. */
  async stopJobs(grace: number, signal: AbortSignal): Promise<boolean> {
    this.#stop();
    await this.#starting;
    const known = new Map(this.#connections.all.map(({ id, connection }) => [id, connection]));
    const living = this.#past.runners().map((id) => ({
      connection: known.get(id) ?? null,
      isAlive: () => this.#past.isAlive(id),
      reopen: () => Connection.open(this.#socket(id), ANSWER),
    }));
    return stopJobs(living, grace, signal);
  }

  #stop(): void {
    this.#closed = true;
    this.#handed.release();
  }

  /** Names of outputs of which no journal knows, before anything is started; none, while a runner of before lives. */
  strays(): string[] {
    return this.#connections.areDraining ? [] : this.#past.strays();
  }

  /** Find all runners: living ones are taken over and drain, hung ones are ended, dead ones buried. */
  async takeOver(): Promise<void> {
    mkdirSync(this.#setup.sockets, { recursive: true, mode: 0o755 });
    await Promise.all(this.#past.runners().map((id) => this.#inherit(id)));
    await this.#startRunner();
  }

  /** Returns the connection to it, if it is alive. */
  async #inherit(id: string): Promise<Connection | null> {
    try {
      const connection = await reach(id, this.#socket(id), this.#past, this.#setup.log);
      if (connection === null) {
        this.#bury(id);
        return null;
      }
      this.#handed.found(this.#past.note(id));
      this.#drain(id, connection);
      return connection;
    } catch (error) {
      this.#past.doubt();
      this.#setup.log('CRON', 'ERROR', `runner ${id}: ${reason(error)}`, ERROR);
      return null;
    }
  }

  #drain(id: string, connection: Connection): void {
    this.#listen(connection);
    connection.onEnded = (job, how) => {
      this.#setup.witness?.ended(job, how);
      this.#connections.freeUnlessBusy(job.identity);
    };
    this.#connections.drain(id, connection);
    void this.#whenDrained(id, connection); // ends with the runner, or with us
  }

  async #whenDrained(id: string, connection: Connection): Promise<void> {
    await connection.closed;
    this.#connections.lose(connection);
    if (this.#closed) return;
    for (const job of connection.jobs.values()) this.#setup.witness?.ended(job, 'unknown');
    await this.#past.untilDead(id);
    this.#bury(id);
    this.#handOn();
  }

  #listen(connection: Connection): void {
    const { onPosted, onWritten, witness } = this.#setup;
    connection.onPosted = onPosted;
    if (onWritten !== undefined) connection.onWritten = onWritten;
    connection.onStarted = (job) => witness?.started(job);
    connection.onEnded = (job, how) => witness?.ended(job, how);
    // Those who watch are told of what a runner says, and of its end.
    connection.onWord = (word) => this.#watches.hear(connection, word);
    void connection.closed.then(() => this.#watches.lose(connection));
  }

  /** A runner is gone: what it recorded need not be handed over, what it left is there to hand on. */
  #bury(id: string): void {
    this.#handed.found(this.#past.bury(id));
    unlinkIfThere(this.#socket(id));
  }

  /** Hand on what dead runners left: what waited starts, what had begun is reported. */
  #handOn(): void {
    const connection = this.#connections.own?.connection;
    if (connection === undefined) return;
    const left = this.#withPosted(this.#past.takeLeft());
    this.#handed.addLeft(left);
    const waited = left.filter(({ waiting }) => waiting).map(({ firing }) => firing);
    const lost = left.filter(({ waiting }) => !waiting);
    if (waited.length > 0) connection.start(waited, this.#connections.busyElsewhere());
    if (lost.length > 0) connection.report(lost);
    this.#watches.loseRuns(lost.map(({ firing }) => firing.run));
  }

  /** A runner that died after a mail was kept and before it could say so: that run is only to be recorded. */
  #withPosted(left: readonly Left[]): readonly Left[] {
    if (left.length === 0) return left;
    const mailed = this.#setup.mailed();
    return left.map((run) => (mailed.has(run.firing.run) ? { ...run, posted: true } : run));
  }

  #startRunner(): Promise<void> {
    this.#starting = this.#employ();
    return this.#starting;
  }

  /** Start a runner, as often as it takes, and hand it what waits. */
  async #employ(): Promise<void> {
    const { fork, log, signal } = this.#setup;
    const recruited = await recruit({
      fork: async (id) => {
        this.#past.prepare();
        await fork(id);
      },
      socket: (id) => this.#socket(id),
      onFailed: async (id) => this.#past.size(id) !== null && this.#inherit(id),
      isOver: () => this.#closed,
      signal,
      log,
    });
    if (recruited === null) return;
    const { id, connection } = recruited;
    this.#listen(connection);
    connection.onRecorded = (runs) => this.#handed.recorded(runs);
    this.#connections.employ(id, connection);
    void connection.closed.then(() => this.#replace(id, connection));
    if (this.#closed) return; // what waits is for the next scheduler
    this.#handOn();
    const { firings } = this.#handed;
    if (firings.length > 0) connection.start(firings, this.#connections.busyElsewhere());
  }

  /** The connection to our own runner broke: it died, or hung up because it was told to end. */
  async #replace(id: string, connection: Connection): Promise<void> {
    if (this.#closed || this.#connections.own?.connection !== connection) return;
    this.#connections.dismiss();
    this.#setup.log('CRON', 'ERROR', 'the runner is gone: another one is started', ERROR);
    const heir = await this.#inherit(id);
    for (const job of connection.jobs.values())
      if (!heir?.jobs.has(job.run)) this.#setup.witness?.ended(job, 'unknown');
    this.#past.giveBack(this.#handed.takeLeft());
    await this.#startRunner();
  }

  async #rotate(): Promise<void> {
    this.#past.tidy();
    const runner = this.#connections.own;
    if (runner === null) return;
    const size = this.#past.size(runner.id);
    if (size !== null && size < JOURNAL_LIMIT) return;
    this.#connections.dismiss();
    this.#drain(runner.id, runner.connection);
    await this.#startRunner();
  }

  #socket(id: string): string {
    return join(this.#setup.sockets, `runner-${id}.sock`);
  }
}

const ERROR = { level: 'error' } as const;
