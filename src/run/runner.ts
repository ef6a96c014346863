/** The runner: starts the jobs it is handed, sees them to their end and their mail on its way; outlives its scheduler. */
import type { Server } from 'node:net';
import { Admission } from './admission.ts';
import { Armed } from './armed.ts';
import { Attempts } from './attempts.ts';
import type { Finished, JobTools } from './job.ts';
import { finish, finishLate, finishLeftOut, type FinishTools, NOWHERE } from './finish.ts';
import { lateOf } from './firing.ts';
import type { JobLimits } from './limits.ts';
import type { Firing, LostRun, RunningJob, Word } from './protocol.ts';
import { linesOf, mailLost } from './lost.ts';
import { type Given, listenForOrders, Orders } from './orders.ts';
import type { Ready } from './ready.ts';
import { RunningJobs } from './running.ts';
import { Work } from './work.ts';

/** What a runner works with. */
export interface RunnerTools extends JobTools, FinishTools {
  /** Called when it will start nothing any more. */
  readonly onDrain?: () => void;
  readonly limits: JobLimits;
  /** Before the next tries of a job that could not be started, in milliseconds; nothing: see attempts.ts. */
  readonly pauses?: readonly number[];
  /** Where it listens: root's alone (0600). */
  readonly socket: string;
}

/** What outlives SIGKILL's moment for so long, in milliseconds, is not waited for when cron is stopped. */
const SWEPT = 500;

/** Start a runner; its socket is ready when this returns. */
export async function startRunner(tools: RunnerTools): Promise<Runner> {
  return new Runner(tools, await listenForOrders(tools.socket));
}

/** The jobs of one runner. */
export class Runner {
  readonly #tools: RunnerTools;
  readonly #orders: Orders;
  readonly #running: RunningJobs;
  readonly #admission: Admission;
  readonly #attempts: Attempts;
  readonly #armed: Armed;
  readonly #work: Work;
  #stopping = false;
  #draining = false;
  #again: NodeJS.Timeout | undefined;
  readonly #ended: Promise<void>;
  #end: () => void = () => {};

  constructor(tools: RunnerTools, server: Server) {
    this.#tools = tools;
    this.#attempts = new Attempts(tools, tools.pauses);
    this.#armed = new Armed(tools);
    this.#ended = new Promise((resolve) => (this.#end = resolve));
    const { journal, log } = tools;
    this.#work = new Work(
      () => this.#onLess(),
      (error) => log('CRON', 'ERROR', String(error), { level: 'error' }),
    );
    const tell = (word: Word): boolean => this.#orders.tell(word);
    this.#running = new RunningJobs({ journal, log, tell });
    this.#admission = new Admission(tools.limits, {
      journal,
      log,
      tell,
      onBegin: (firing) => this.#begin(firing),
      onWait: ({ run }) => this.#armed.take(run)?.drop(),
      onLeftOut: (firing) => this.#work.add(finishLeftOut(firing, tools)),
    });
    this.#orders = new Orders(server, {
      onTaken: () => this.#change(),
      onOrder: (order) => this.#obey(order),
      onLost: () => this.#lose(),
      onNobody: () => this.drain(),
    });
  }

  /** Resolves when it was told to end, or lost its scheduler, and has nothing left to do. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Hang up on the scheduler, which then looks for another runner; what runs here is seen to its end. */
  leave(): void {
    if (this.#orders.isTaken) this.#orders.hangUp();
    else this.drain();
  }

  /** Tell the scheduler that there is a mail for it in the outbox. */
  posted(): void {
    this.#orders.tell({ word: 'posted' });
  }

  /** Tell it that there is a record more. */
  written(): void {
    this.#orders.tell({ word: 'written' });
  }

  /** Start nothing any more, and end after the last mail. */
  drain(): void {
    this.#draining = true;
    this.#armed.drop();
    this.#tools.onDrain?.();
    if (!this.#work.isDone || this.#admission.waiting.length > 0 || !this.#orders.isOpen) return;
    const { journal, recorder } = this.#tools;
    if (!journal.flush() || !recorder.flush()) {
      // What the disk does not take is known here alone.
      clearTimeout(this.#again);
      this.#again = setTimeout(() => this.drain(), NOWHERE);
      return;
    }
    this.#orders.close();
    this.#tools.recorder.close();
    this.#tools.journal.close();
    this.#end();
  }

  /** Another scheduler: who watched did so through the one before. */
  #change(): RunningJob[] {
    this.#running.unwatchAll();
    return [...this.#running.all, ...this.#admission.waiting];
  }

  /** A scheduler that stopped or died: what it handed over is seen to its end. */
  #lose(): void {
    this.#running.unwatchAll();
    this.#admission.alone();
    this.drain();
  }

  #obey(order: Given): void {
    switch (order.order) {
      case 'start':
        return this.#start(order.firings, order.busy);
      case 'arm':
        return this.#arm(order.firings, order.within);
      case 'free':
        return this.#admission.free(order.identity);
      case 'elsewhere':
        return this.#admission.elsewhere(order.counts);
      case 'report':
        return this.#reportLost(order.lost);
      case 'kill':
        return this.#running.kill(order.run, order.ending);
      case 'watch':
        return this.#running.watch(order.run);
      case 'seen':
        return this.#running.unwatch(order.run);
      case 'stop':
        return queueMicrotask(() => this.#stop(order.grace)); // those that have just begun are known then: see #begin()
      case 'drain':
        return this.drain();
      default:
        order satisfies never;
    }
  }

  /** End all jobs, and tell the owners of those that wait that these do not start. */
  #stop(grace: number): void {
    if (!this.#orders.isOpen) return; // it has ended meanwhile
    if (!this.#stopping) {
      this.#stopping = this.#draining = true;
      this.#armed.drop(); // before those that wait for a place begin, to tell that they do not start
      this.#attempts.stop(grace + SWEPT);
      this.#running.stop(grace);
      this.#admission.beginAll();
    }
    this.#tellIfStopped();
    this.drain();
  }

  #tellIfStopped(): void {
    if (this.#stopping && this.#work.isDoneButLate) this.#orders.tell({ word: 'stopped' });
  }

  /** Have those ready that would begin if they were started now. */
  #arm(firings: readonly Firing[], within: number): void {
    if (!this.#draining) this.#armed.arm(this.#admission.fit(firings), within);
  }

  #start(firings: readonly Firing[], busy: readonly string[]): void {
    if (this.#draining) return;
    const { journal } = this.#tools;
    const at = Date.now();
    journal.write(firings.map((fire) => ({ fire, at })));
    // Nothing is under way before this function returns: who waits is in the journal by then.
    this.#admission.admit(firings, busy);
    // After "started", so that at no time a job seems to be neither on its way nor running.
    queueMicrotask(() =>
      this.#orders.tell({ word: 'recorded', runs: firings.map(({ run }) => run) }),
    );
  }

  #begin(firing: Firing): void {
    const ready = this.#armed.take(firing.run);
    ready?.go();
    // All else can wait until those that begin at the same time are on their way.
    this.#work.add(Promise.resolve().then(() => this.#run(firing, ready)));
  }

  async #run(firing: Firing, ready: Ready | null): Promise<void> {
    const { journal } = this.#tools;
    const { run } = firing;
    const witness = this.#running.begin(firing, () => this.#admission.leave(firing));
    let finished: Finished;
    try {
      finished = await this.#attempts.run(firing, witness, ready);
    } finally {
      witness.onExit(null); // whatever went wrong: the next one of this entry need not wait for ever
      this.#running.over(run);
    }
    if (finished.late !== null) {
      // What a background child prints from now on is a run of its own, also for the journal.
      const late = lateOf(firing);
      journal.write([{ fire: late, at: Date.now() }]);
      this.#work.add(finishLate(late, finished, finished.late, this.#tools), 1);
    }
    await this.#running.show(run, finished);
    await finish(firing, finished, this.#tools);
  }

  /** Runs that a dead runner left. */
  #reportLost(lost: readonly LostRun[]): void {
    const { journal } = this.#tools;
    const isWritten = journal.write(lost.flatMap(linesOf));
    // Until it is, the journal of the dead one is the only one that tells of them.
    if (isWritten)
      this.#orders.tell({ word: 'recorded', runs: lost.map(({ firing }) => firing.run) });
    const settle = async (run: LostRun): Promise<void> => {
      if (await mailLost(run, this.#tools)) journal.write([{ done: run.firing.run }]);
    };
    for (const run of lost) this.#work.add(settle(run));
  }

  #onLess(): void {
    this.#tellIfStopped();
    if (this.#draining && this.#work.isDone) this.drain();
  }
}
