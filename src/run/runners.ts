/** The scheduler's side: finds living runners, buries dead ones, starts one of its own, hands it the firings. */
import { existsSync, mkdirSync, readdirSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { errorCode, reason } from '../system/failure.ts';
import { signalProcess } from '../system/process.ts';
import type { Log } from '../system/sink.ts';
import { Connection } from './connection.ts';
import { isAbandoned, readJournal, settle } from './journal.ts';
import type { Firing, LostRun, RunningJob } from './protocol.ts';

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
  /** Ends all waiting: the scheduler is to leave. */
  readonly signal: AbortSignal;
}

/** How long a runner may take to answer before it counts as hung, in milliseconds. */
const ANSWER = 10_000;
/** Journals of ended runners are kept so long, in milliseconds: no restart looks further back. */
const KEEP_JOURNAL = 3_600_000;
/** A runner whose journal has this size drains, and another one begins a new journal. */
const JOURNAL_LIMIT = 16 * 1024 * 1024;

/** What waits to be mailed, and the dead runner whose journal it stands in. */
interface Left extends LostRun {
  readonly from: string;
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
  /** Keys of firings that other runners recorded, and which of them did last: these must not start again. */
  readonly #recorded = new Map<string, string>();
  /** Handed over, and not yet known to be in a journal. */
  readonly #pending = new Map<string, Firing>();
  readonly #draining = new Set<Connection>();
  /** What dead runners left, and what of it our runner was told but has not recorded yet. */
  #left: Left[] = [];
  #handedOn: Left[] = [];
  #waiting: (() => void)[] = [];
  #runner: { readonly id: string; readonly connection: Connection } | null = null;
  #closed = false;
  #swept = Date.now();
  #starting = Promise.resolve();

  constructor(setup: RunnersSetup) {
    this.#setup = setup;
    setup.signal.addEventListener('abort', () => this.#stop(), { once: true });
  }

  /** Jobs that are running, of all runners. */
  get jobs(): readonly RunningJob[] {
    const own = this.#runner === null ? [] : [this.#runner.connection];
    return [...this.#draining, ...own].flatMap(({ jobs }) => [...jobs.values()]);
  }

  /** Whether a job of that entry is running, or about to. */
  isRunning(identity: string): boolean {
    return [...this.jobs, ...this.#pending.values()].some((job) => job.identity === identity);
  }

  /** Start what was not started before; resolves when all of it is in the journal, or the signal came. */
  async start(firings: readonly Firing[]): Promise<void> {
    const fresh = firings.filter(({ key }) => !this.#recorded.has(key));
    if (fresh.length === 0 || this.#closed) return;
    for (const firing of fresh) this.#pending.set(firing.run, firing);
    this.#runner?.connection.start(fresh, this.#busyElsewhere());
    const recorded = new Promise<void>((resolve) => this.#waiting.push(resolve));
    const slow = setTimeout(() => {
      const detail = `the runner has not answered for ${ANSWER / 1000} s: ${fresh.length} jobs wait`;
      this.#setup.log('CRON', 'ERROR', detail, ERROR);
    }, ANSWER);
    await recorded;
    clearTimeout(slow);
    await this.#rotate();
  }

  /** Leave: the runner sees its jobs to their end, and then ends; one that just starts does so too. */
  async close(): Promise<void> {
    this.#stop();
    await this.#starting;
    this.#runner?.connection.drain();
    for (const connection of this.#draining) connection.leave();
    this.#runner?.connection.leave();
  }

  #stop(): void {
    this.#closed = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Find all runners: living ones are taken over and drain, hung ones are ended, dead ones buried. */
  async takeOver(): Promise<void> {
    const { journals, sockets, log } = this.#setup;
    mkdirSync(journals, { recursive: true, mode: 0o700 });
    mkdirSync(sockets, { recursive: true, mode: 0o755 });
    const names = readdirSync(journals).filter((name) => name.endsWith(JOURNAL));
    const inherit = async (name: string): Promise<void> => {
      try {
        await this.#inherit(name.slice(0, -JOURNAL.length));
      } catch (error) {
        log('CRON', 'ERROR', `journal "${join(journals, name)}": ${reason(error)}`, ERROR);
      }
    };
    await Promise.all(names.map(inherit));
    await this.#startRunner();
  }

  async #inherit(id: string): Promise<void> {
    const file = this.#journal(id);
    const connection = isAbandoned(file) === false ? await this.#reach(id) : null;
    if (connection === null) return this.#bury(id);
    this.#note(id, readJournal(file).keys);
    this.#drain(id, connection);
  }

  /** Connect to a living runner. Null: it ended meanwhile, or hung and was ended. */
  async #reach(id: string): Promise<Connection | null> {
    const file = this.#journal(id);
    const deadline = performance.now() + ANSWER;
    while (performance.now() < deadline) {
      try {
        return await Connection.open(this.#socket(id), deadline - performance.now());
      } catch {
        // Not there yet, or not any more: the lock tells.
      }
      if (isAbandoned(file) !== false) return null;
      await pause(20);
    }
    const { pid, started } = readJournal(file);
    const detail = `runner ${pid} holds its journal and does not answer: it is ended`;
    this.#setup.log('CRON', 'ERROR', detail, ERROR);
    if (pid !== undefined && started !== undefined) signalProcess(pid, started, 'SIGKILL');
    await this.#untilAbandoned(id);
    return null;
  }

  #drain(id: string, connection: Connection): void {
    this.#draining.add(connection);
    connection.onEnded = ({ identity }) => this.#freeUnlessBusy(identity);
    connection.drain();
    void this.#whenDrained(id, connection); // ends with the runner, or with us
  }

  async #whenDrained(id: string, connection: Connection): Promise<void> {
    await connection.closed;
    this.#draining.delete(connection);
    for (const { identity } of connection.jobs.values()) this.#freeUnlessBusy(identity);
    if (this.#closed) return;
    await this.#untilAbandoned(id);
    this.#bury(id);
    this.#handOn();
  }

  /** Entries with jobs in runners that drain. */
  #busyElsewhere(): string[] {
    return [...this.#draining].flatMap(({ jobs }) => [...jobs.values()].map((job) => job.identity));
  }

  #freeUnlessBusy(identity: string): void {
    if (!this.#busyElsewhere().includes(identity)) this.#runner?.connection.free(identity);
  }

  /** Read the journal of a runner that is gone: what it recorded is not started again, what it left is reported. */
  #bury(id: string): void {
    const file = this.#journal(id);
    try {
      const { keys, open, done } = readJournal(file);
      this.#note(id, keys);
      this.#sweep(done);
      this.#left.push(...open.map((run) => ({ ...run, from: id })));
      unlinkIfThere(this.#socket(id));
      if (open.length === 0) this.#removeIfOld(id);
    } catch (error) {
      this.#setup.log('CRON', 'ERROR', `journal "${file}": ${reason(error)}`, ERROR);
    }
  }

  /** Note what a runner has recorded, also what it could not say any more. */
  #note(id: string, keys: readonly string[]): void {
    for (const key of keys) if (id > (this.#recorded.get(key) ?? '')) this.#recorded.set(key, id);
    const known = new Set(keys);
    const firings = [...this.#pending.values(), ...this.#handedOn.map(({ firing }) => firing)];
    this.#recordedRuns(firings.filter(({ key }) => known.has(key)).map(({ run }) => run));
  }

  /** Remove what a runner that died was about to remove: output that is mailed, or that nobody wants. */
  #sweep(done: ReadonlySet<string>): void {
    const { outputs } = this.#setup;
    for (const run of readdirSync(outputs)) if (done.has(run)) unlinkIfThere(join(outputs, run));
  }

  /** Hand on what dead runners left: what waited starts, what had begun is reported. */
  #handOn(): void {
    if (this.#runner === null) return;
    const { connection } = this.#runner;
    // A scheduler that died may have handed it on already: then a later journal has it too.
    const isLast = ({ firing, from }: Left): boolean => this.#recorded.get(firing.key) === from;
    const left = this.#left.splice(0);
    this.#settle(left.filter((run) => !isLast(run)));
    const own = left.filter(isLast);
    this.#handedOn.push(...own);
    const waited = own.filter(({ waiting }) => waiting).map(({ firing }) => firing);
    const lost = own.filter(({ waiting }) => !waiting);
    if (waited.length > 0) connection.start(waited, this.#busyElsewhere());
    if (lost.length > 0) connection.report(lost);
  }

  #recordedRuns(runs: readonly string[]): void {
    const recorded = new Set(runs);
    for (const run of runs) this.#pending.delete(run);
    this.#settle(this.#handedOn.filter(({ firing }) => recorded.has(firing.run)));
    this.#handedOn = this.#handedOn.filter(({ firing }) => !recorded.has(firing.run));
    this.#releaseIfRecorded();
  }

  /** Write into the journals of dead runners that others take care of these. */
  #settle(settled: readonly Left[]): void {
    for (const id of new Set(settled.map(({ from }) => from))) {
      const runs = settled.filter(({ from }) => from === id).map(({ firing }) => firing.run);
      try {
        settle(this.#journal(id), runs);
      } catch (error) {
        // On a full disk: the next scheduler may report these a second time.
        this.#setup.log('CRON', 'ERROR', `journal of runner ${id}: ${reason(error)}`, ERROR);
      }
    }
  }

  #releaseIfRecorded(): void {
    if (this.#pending.size > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #startRunner(): Promise<void> {
    this.#starting = this.#tryToStart();
    return this.#starting;
  }

  /** Start a runner, as often as it takes, and hand it what waits. */
  async #tryToStart(): Promise<void> {
    const { fork, log, signal } = this.#setup;
    for (let wait = 100; !this.#closed; wait = Math.min(wait * 2, 30_000)) {
      const id = `${Date.now().toString(36)}-${process.pid}`;
      let connection: Connection;
      try {
        mkdirSync(this.#setup.journals, { recursive: true, mode: 0o700 });
        await fork(id);
        connection = await Connection.open(this.#socket(id), ANSWER);
      } catch (error) {
        const detail = `cannot start a runner: ${reason(error)}; next try in ${wait / 1000} s`;
        log('CRON', 'ERROR', detail, ERROR);
        await pause(wait, undefined, { signal }).catch(() => {}); // the signal ends the loop too
        if (this.#isDead(id)) this.#bury(id);
        continue;
      }
      connection.onRecorded = (runs) => this.#recordedRuns(runs);
      this.#runner = { id, connection };
      void connection.closed.then(() => this.#replace(id, connection));
      if (this.#closed) return; // what waits is for the next scheduler
      this.#handOn();
      if (this.#pending.size > 0)
        connection.start([...this.#pending.values()], this.#busyElsewhere());
      return;
    }
  }

  /** The connection to our own runner broke: it died, or hung up because it was told to end. */
  async #replace(id: string, connection: Connection): Promise<void> {
    if (this.#closed || this.#runner?.connection !== connection) return;
    this.#runner = null;
    this.#setup.log('CRON', 'ERROR', 'the runner is gone: another one is started', ERROR);
    try {
      await this.#inherit(id);
    } catch (error) {
      this.#setup.log('CRON', 'ERROR', `journal of runner ${id}: ${reason(error)}`, ERROR);
    }
    this.#left.push(...this.#handedOn.splice(0));
    await this.#startRunner();
  }

  async #rotate(): Promise<void> {
    const runner = this.#runner;
    this.#forgetOld();
    if (runner === null) return;
    const journal = statSync(this.#journal(runner.id), { throwIfNoEntry: false });
    if (journal !== undefined && journal.size < JOURNAL_LIMIT) return;
    this.#runner = null;
    this.#drain(runner.id, runner.connection);
    await this.#startRunner();
  }

  /** Once an hour: journals of ended runners that no restart can need go, and what was known from them. */
  #forgetOld(): void {
    const now = Date.now();
    if (now - this.#swept < KEEP_JOURNAL) return;
    this.#swept = now;
    try {
      this.#removeJournals();
    } catch (error) {
      this.#setup.log('CRON', 'ERROR', `"${this.#setup.journals}": ${reason(error)}`, ERROR);
    }
  }

  #removeJournals(): void {
    for (const name of readdirSync(this.#setup.journals)) {
      const id = name.slice(0, -JOURNAL.length);
      if (!name.endsWith(JOURNAL) || !this.#isDead(id)) continue;
      this.#removeIfOld(id);
      if (existsSync(this.#journal(id))) continue;
      for (const [key, from] of this.#recorded) if (from === id) this.#recorded.delete(key);
    }
  }

  #removeIfOld(id: string): void {
    const file = this.#journal(id);
    const age = Date.now() - statSync(file).mtimeMs;
    if (age > KEEP_JOURNAL && readJournal(file).open.length === 0) unlinkSync(file);
  }

  #isDead(id: string): boolean {
    try {
      return isAbandoned(this.#journal(id)) === true;
    } catch {
      return false; // not readable for now
    }
  }

  /** A broken connection says that a runner ends; its lock says when it has. */
  async #untilAbandoned(id: string): Promise<void> {
    try {
      while (isAbandoned(this.#journal(id)) === false) await pause(10);
    } catch (error) {
      // Not readable for now: reading it comes next, and says so too.
      this.#setup.log('CRON', 'ERROR', `journal of runner ${id}: ${reason(error)}`, ERROR);
    }
  }

  #journal(id: string): string {
    return join(this.#setup.journals, `${id}${JOURNAL}`);
  }

  #socket(id: string): string {
    return join(this.#setup.sockets, `runner-${id}.sock`);
  }
}

const JOURNAL = '.journal';
const ERROR = { level: 'error' } as const;

function unlinkIfThere(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}
