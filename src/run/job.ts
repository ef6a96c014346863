/** One firing → a process of its user, its output, and at the end the mail that tells about it. */
import type { Environment } from '../core/environment.ts';
import { visible } from '../core/escape.ts';
import { toText } from '../system/bytes.ts';
import { type Exit, isTold, type Usage } from '../system/program.ts';
import type { User } from '../system/users.ts';
import { capture } from '../system/capture.ts';
import { type Endings, endingsOf } from './ending.ts';
import { type Hurry, stillOpen } from './linger.ts';
import { Output } from './output.ts';
import { type Fault, makeReady, type Ready, type StartTools } from './ready.ts';
import { limitTime } from './timeout.ts';
import type { Firing } from './protocol.ts';

/** The bits of cron's -L option (Debian's cron(8)). */
export const LOG_BITS = { START: 1, END: 2, FAILED: 4, PIDS: 8 } as const;

/** What a job needs of its surroundings. */
export interface JobTools extends StartTools {
  /** File for the output of a run. */
  readonly outputFile: (run: string) => string;
  /** Bytes of a job's output that are kept at most. */
  readonly outputLimit: number;
  /** The -L option. */
  readonly logBits: number;
  /** How long to wait for a background child that keeps the output open, in milliseconds. */
  readonly linger: number;
  /** Begins when background children are waited for no longer. */
  readonly hurry?: Hurry;
}

/** A job that is over, or never began. */
export interface Finished {
  readonly user: User | null;
  /** Null: it was never started. */
  readonly exit: Exit | null;
  /** When it ended, or would have started, in milliseconds since the epoch. */
  readonly at: number;
  /** How long it ran, in milliseconds; null: it never started. */
  readonly duration: number | null;
  /** Nothing where nobody was told. */
  readonly usage?: Usage;
  readonly output: Output;
  /** What the user's view of the entry was, for the mail: assignments and what cron added. */
  readonly environment: Environment;
  /** It ran into its CRON_TIMEOUT. */
  readonly timedOut: boolean;
  /** What its mail says of signals that somebody had sent to it, and of who did not tell its end; lines. */
  readonly killed: readonly string[];
  /** Output that came later, after the mail was due; null: the pipe is closed. */
  readonly late: Promise<Output> | null;
  /** Why it did not start; null: it did. */
  readonly fault: Fault | null;
}

/** Told of a job while it lives. */
export interface Witness {
  /** Of its output, before anything is in it. */
  readonly onOutput: (output: Output) => void;
  readonly onStart: (pid: number, endings: Endings) => void;
  readonly onExit: (exit: Exit | null) => void;
}

/**
 * Run a firing to its end. Never throws: what goes wrong is logged and stands in the output; why it did not start at
 * all is for the caller to tell, who may try again.
 * @param again the output of a try that failed, with nothing in it
 * @param before its process, if it is on its way already
 */
export async function runJob(
  firing: Firing,
  tools: JobTools,
  { onOutput, onStart, onExit }: Witness,
  again?: Output,
  before?: Ready,
): Promise<Finished> {
  const begun = performance.now();
  const trouble = (problem: string): void => tools.log(firing.user, 'ERROR', problem, ERROR);
  const output = again ?? new Output(tools.outputFile(firing.run), trouble, tools.outputLimit);
  if (again === undefined) onOutput(output);
  const ready = before ?? (await makeReady(firing, tools));
  if ('fault' in ready) {
    const never = { exit: null, at: Date.now(), duration: null, timedOut: false, killed: [] };
    const { user, fault, cron } = ready;
    return { ...never, user, environment: cron, output, late: null, fault };
  }
  if (tools.scope !== null && !ready.isScoped)
    trouble(`${UNLIMITED}: systemd did not answer a short while ago: ${toText(firing.command)}`);
  if (before === undefined) ready.go();
  const { user, running, environment, cron } = ready;
  if (running.scoped === undefined) logStart(firing, running.pid, tools);
  else void running.scoped.then((isScoped) => isScoped && logStart(firing, running.pid, tools));
  let current = output;
  const { closed } = capture(
    ready.read,
    (bytes) => current.add(bytes),
    (pipe) => current.pour(pipe),
  );
  const over = Promise.all([closed, running.ended]);
  const endings = endingsOf(running.pid, over);
  const limit = limitTime(endings, firing.timeout);
  onStart(running.pid, endings);
  const { reached, homeless, unscoped = false, usage, ...exit } = await running.ended;
  const duration = performance.now() - begun;
  const ended = Date.now();
  const timedOut = limit.stop();
  const killed = endings.stop(); // more may come into it
  if (!isTold(exit)) killed.push(`cron: ${HOLDERLESS}\n`);
  if (reached && !isTold(exit)) trouble(`${HOLDERLESS}: ${toText(firing.command)}`);
  if (timedOut)
    trouble(`ended after ${firing.timeout} s (CRON_TIMEOUT): ${toText(firing.command)}`);
  if (reached) onExit(exit);
  if (unscoped) tools.scope?.hung();
  else logEnd(firing, running.pid, exit, tools);
  if (homeless) trouble(`chdir failed (${homeOf(environment)}): the job ran in "/"`);
  const open = await stillOpen(closed, tools.linger, tools.hurry);
  // What never became the user's SHELL has no status of its own.
  const outcome = reached
    ? { exit, duration, fault: null, ...(usage !== undefined && { usage }) }
    : {
        exit: null,
        duration: null,
        fault: unscoped ? HUNG : await unreached(exit, output, ready.isScoped),
      };
  const finished = { user, ...outcome, at: ended, output, environment: cron, timedOut, killed };
  if (!open) return { ...finished, late: null };
  const later = new Output(tools.outputFile(`${firing.run}-late`), trouble, tools.outputLimit);
  current = later;
  return { ...finished, late: closed.then(() => later) };
}

const HOLDERLESS = 'the process that held the PAM session of this job died; its outcome is unknown';

/** There could be no scope for it. */
export const UNSCOPED = 'unscoped';
/** What is logged then. */
export const UNLIMITED = 'job runs without a systemd scope and its limits';
const HUNG: Fault = { problem: 'systemd-run did not answer', code: UNSCOPED };
/** setpriv(1) and chroot(8) say so when the kernel did not execute /bin/sh: it is out of processes, or /bin/sh is away. */
const REFUSED = /failed to (?:execute|run command)/;

/** Words of those that come after systemd-run. */
const SETPRIVS = /^(?:(?:\/usr\/\S+\/)?(?:chroot|setpriv)|prlimit|\/usr\/bin\/env|\/bin\/sh): /;

/** What our way to the user's SHELL ended with; it has told why, as a line of the output. */
async function unreached(
  { code, signal }: Exit,
  output: Output,
  isScoped: boolean,
): Promise<Fault> {
  let told = '';
  for await (const bytes of output.chunks(0, 200)) told += Buffer.from(bytes).toString('latin1');
  const [line = ''] = told.split('\n', 1);
  const problem = line === '' ? wordsOf({ code, signal }) : toText(line);
  if (isScoped && code !== null && !SETPRIVS.test(line)) return { problem, code: UNSCOPED };
  return { problem, code: REFUSED.test(line) ? 'EAGAIN' : undefined };
}

function wordsOf({ code, signal }: Exit): string {
  if (!isTold({ code, signal })) return 'the process that held its PAM session died';
  return `ended by ${signal ?? `status ${code}`}`;
}

const ERROR = { level: 'error', tag: 'CRON' } as const;

function homeOf(environment: Environment): string {
  return environment.find(([name]) => name === 'HOME')?.[1] ?? '';
}

function logStart(firing: Firing, pid: number, { log, logBits }: JobTools): void {
  if (firing.quiet || (logBits & LOG_BITS.START) === 0) return;
  log(firing.user, 'CMD', named(firing, pid, logBits), { tag: 'CRON', pid });
}

function logEnd(firing: Firing, pid: number, exit: Exit, { log, logBits }: JobTools): void {
  const about = { exit: exit.code, signal: exit.signal };
  const how = { tag: 'CRON', pid, about };
  if (!firing.quiet && (logBits & LOG_BITS.END) !== 0)
    log(firing.user, 'END', named(firing, pid, logBits), how);
  if ((logBits & LOG_BITS.FAILED) === 0 || !isTold(exit)) return;
  if (exit.signal !== null)
    log('CRON', 'error', `grandchild #${pid} terminated by signal ${exit.signal}`, how);
  else if (exit.code !== 0)
    log('CRON', 'error', `grandchild #${pid} failed with exit status ${exit.code}`, how);
}

function named(firing: Firing, pid: number, logBits: number): string {
  const command = visible(firing.command);
  return (logBits & LOG_BITS.PIDS) === 0 ? command : `[${pid}] ${command}`;
}
