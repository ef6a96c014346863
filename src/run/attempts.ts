/** One firing → its job, started as soon as it can be: what fails for want of something that comes back is tried again. */
import { setTimeout as pause } from 'node:timers/promises';
import { fromText, toText } from '../system/bytes.ts';
import { type Log, logAbout } from '../system/sink.ts';
import type { User } from '../system/users.ts';
import { type Finished, type JobTools, runJob, UNLIMITED, UNSCOPED, type Witness } from './job.ts';
import { aboutOf } from './firing.ts';
import { Hurry } from './linger.ts';
import type { Output } from './output.ts';
import type { Firing } from './protocol.ts';
import { NO_USER, type Ready, STOPPED, UNANSWERED } from './ready.ts';

/** What passes by itself: no processes, memory or descriptors are left, or a program is being replaced. */
const PASSING = new Set(['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ENOENT', 'ETXTBSY', UNANSWERED]);

/** Growing pauses, in milliseconds; after a minute in all, the job's minute is gone. */
const PAUSES = [500, 1000, 2000, 4000, 7500, 15_000, 30_000];

/** The jobs of one runner. */
export class Attempts {
  readonly #tools: JobTools;
  readonly #pauses: readonly number[];
  /** Users who are gone, of whom the administrator was told. */
  readonly #gone = new Set<string>();
  readonly #stopped = new AbortController();
  readonly #hurry = new Hurry();

  constructor(tools: JobTools, pauses: readonly number[] = PAUSES) {
    this.#tools = { ...tools, stopped: this.#stopped.signal, hurry: this.#hurry };
    this.#pauses = pauses;
  }

  /** Start nothing any more, and wait for background children no longer than that, in milliseconds. */
  stop(grace: number): void {
    this.#stopped.abort();
    setTimeout(() => this.#hurry.begin(), grace).unref();
  }

  /**
   * Run a firing to its end; see runJob(). Whoever it concerns is told why it was not started.
   * @param ready its process, if it is on its way already
   */
  async run(firing: Firing, witness: Witness, ready: Ready | null = null): Promise<Finished> {
    let again: Output | undefined;
    const log = logAbout(this.#tools.log, aboutOf(firing));
    let tools: JobTools = { ...this.#tools, log };
    if (ready !== null) {
      const finished = await runJob(firing, tools, witness, undefined, ready);
      if (finished.fault === null) return finished;
      // Nothing of the crontab's ran: what made it end while it was held back need not concern the job.
      again = afresh(finished.output);
    }
    for (let tries = 0; ; tries++) {
      const finished = await runJob(firing, tools, witness, again);
      const { fault, output } = finished;
      if (fault === null) {
        this.#gone.delete(firing.user);
        return finished;
      }
      if (fault.code === UNSCOPED) {
        // Without its limits, but not without its job.
        tools = { ...tools, scope: null };
        logUnscoped(firing, fault.problem, log);
        again = afresh(output);
        continue;
      }
      const next = this.#pauses[tries];
      if (next === undefined || !PASSING.has(fault.code ?? ''))
        return this.#tell(firing, finished, log);
      if (tries === 0) logFirst(firing, fault.code ?? '', fault.problem, log);
      again = afresh(output);
      await pause(next, undefined, { signal: this.#stopped.signal }).catch(() => {}); // then to be told of
    }
  }

  /** Tell in log and mail why a job was not started. */
  async #tell(firing: Firing, finished: Finished, log: Log): Promise<Finished> {
    const { fault, output, user } = finished;
    const problem = fault?.problem ?? '';
    const text = toText(firing.command);
    if (user !== null && problem === STOPPED) {
      log(firing.user, 'INFO', `${problem}, job not started: ${text}`, { tag: 'CRON' });
      output.add(words(`this job was not started: ${problem}`));
      return finished;
    }
    if (user !== null) {
      const detail = `job could not be started: ${problem}: ${text}`;
      log(firing.user, 'ERROR', detail, ERROR);
      // What our way to the SHELL printed says it already.
      if (output.size === 0) output.add(words(`this job could not be started: ${problem}`));
      return finished;
    }
    log(firing.user, 'ERROR', `${problem}, job not started: ${text}`, ERROR);
    // Whose mail it is, nobody can say: no answer is logged, and of who is gone the administrator reads, once.
    if (problem !== NO_USER || this.#gone.has(firing.user)) return finished;
    this.#gone.add(firing.user);
    const reader = await this.#administrator();
    if (reader === null) return finished;
    output.add(words(`this job of ${firing.user} was not started: ${problem}`));
    return { ...finished, user: reader };
  }

  /** Root, if this is root's cron. */
  async #administrator(): Promise<User | null> {
    if (process.geteuid?.() !== 0) return null;
    try {
      return await this.#tools.users.find('root');
    } catch {
      return null; // the log has it
    }
  }
}

function logUnscoped({ user, command }: Firing, problem: string, log: Log): void {
  log(user, 'ERROR', `${UNLIMITED}: ${problem}: ${toText(command)}`, ERROR);
}

/** Log a start that will be tried again: once, for a machine in trouble has enough to write. */
function logFirst({ user, command }: Firing, code: string, problem: string, log: Log): void {
  const said = `it is tried again: ${problem}`;
  const text = toText(command);
  // Vixie's words where it has some; it goes on without the job.
  if (code === 'EAGAIN' || code === 'ENOMEM')
    log('CRON', 'error', `can't fork, ${said}: (${user}) ${text}`, ERROR);
  else log(user, 'ERROR', `job cannot be started, ${said}: ${text}`, ERROR);
}

function words(text: string): Buffer {
  return Buffer.from(`cron: ${fromText(text)}\n`, 'latin1');
}

const ERROR = { level: 'error', tag: 'CRON' } as const;

/** The output for the next try. Words of chroot(8) or setpriv(1), which never became the job, are dropped: who watches sees nothing of it. */
function afresh(output: Output): Output | undefined {
  if (output.size === 0) return output;
  output.discard();
  return undefined;
}
