/** One firing → a process of its user, its output, and at the end the mail that tells about it. */
import { closeSync, fchownSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type Environment, jobEnvironment } from '../core/environment.ts';
import { visible } from '../core/escape.ts';
import { fromText, toBytes, toText } from '../system/bytes.ts';
import { errorCode, reason } from '../system/failure.ts';
import { twoPipes } from '../system/libc/descriptors.ts';
import type { Exit, Launcher, Running, Usage } from '../system/program.ts';
import type { Log } from '../system/sink.ts';
import type { User, Users } from '../system/users.ts';
import { capture, feed } from '../system/capture.ts';
import type { Account } from './account.ts';
import { type Endings, endingsOf } from './ending.ts';
import type { Held, Hold } from './hold.ts';
import { Output } from './output.ts';
import type { Scope } from './scope.ts';
import { limitTime } from './timeout.ts';
import type { Firing } from './protocol.ts';

/** The bits of cron's -L option (Debian's cron(8)). */
export const LOG_BITS = { START: 1, END: 2, FAILED: 4, PIDS: 8 } as const;

/** What a job needs of its surroundings. */
export interface JobTools {
  readonly users: Users;
  readonly launcher: Launcher;
  readonly account: Account;
  /** Opens a session of PAM for each job; null: jobs have none. */
  readonly hold: Hold | null;
  /** Starts each job in a scope of systemd's; null: jobs have none. */
  readonly scope: Scope | null;
  readonly log: Log;
  /** /etc/environment and /etc/default/locale, as they are now. */
  readonly baseEnvironment: () => Environment;
  /** The daemon's variables that jobs get. */
  readonly passed: Environment;
  /** File for the output of a run. */
  readonly outputFile: (run: string) => string;
  /** Bytes of a job's output that are kept at most. */
  readonly outputLimit: number;
  /** The -L option. */
  readonly logBits: number;
  /** How long to wait for a background child that keeps the output open, in milliseconds. */
  readonly linger: number;
  /** Aborts when nothing is to start any more: cron is stopped with its jobs. */
  readonly stopped?: AbortSignal;
  /** Aborts when background children are waited for no longer. */
  readonly hurry?: AbortSignal;
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
  /** What its mail says of signals that somebody had sent to it; lines. */
  readonly killed: readonly string[];
  /** Output that came later, after the mail was due; null: the pipe is closed. */
  readonly late: Promise<Output> | null;
  /** Why it did not start; null: it did. */
  readonly fault: Fault | null;
}

/** A start that failed, before anything of the user's ran. */
export interface Fault {
  readonly problem: string;
  /** Errno's name, where there is one. */
  readonly code: string | undefined;
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
 */
export async function runJob(
  firing: Firing,
  tools: JobTools,
  { onOutput, onStart, onExit }: Witness,
  again?: Output,
): Promise<Finished> {
  const trouble = (problem: string): void => tools.log(firing.user, 'ERROR', problem, ERROR);
  const output = again ?? new Output(tools.outputFile(firing.run), trouble, tools.outputLimit);
  if (again === undefined) onOutput(output);
  const at = Date.now();
  const nothing = {
    exit: null,
    at,
    duration: null,
    output,
    environment: [],
    timedOut: false,
    killed: [],
    late: null,
  };
  let user: User | null;
  try {
    user = await tools.users.find(firing.user);
  } catch (error) {
    return { ...nothing, user: null, fault: { problem: reason(error), code: UNANSWERED } };
  }
  if (user === null) return { ...nothing, user, fault: { problem: NO_USER, code: undefined } };
  const [name, directory] = [fromText(user.name), fromText(user.home)];
  const environmentOver = (base: Environment): ReturnType<typeof jobEnvironment> =>
    jobEnvironment(base, firing.environment, name, directory, tools.passed);
  const { cron } = environmentOver([]);
  const verdict = await tools.account(user.name);
  if (!verdict.isAllowed) {
    const { why: problem, isTrouble } = verdict;
    const refused = { ...nothing, user, environment: cron };
    if (isTrouble) return { ...refused, fault: { problem: `PAM: ${problem}`, code: undefined } };
    const detail = `${problem}; job not started: ${toText(firing.command)}`;
    tools.log(firing.user, 'FAILED to authorize user with PAM', detail, ERROR);
    // Who is locked out gets no mail, as under Debian's cron.
    return { ...refused, user: null, fault: null };
  }
  if (tools.stopped?.aborted === true)
    return { ...nothing, user, environment: cron, fault: { problem: STOPPED, code: undefined } };
  let started: Started;
  const begun = performance.now();
  try {
    started = await start(firing, user, (base) => environmentOver(base).job, tools);
  } catch (error) {
    return { ...nothing, user, environment: cron, fault: faultOf(error) };
  }
  logStart(firing, started.running.pid, tools);
  let current = output;
  const { closed } = capture(started.read, (bytes) => current.add(bytes));
  const over = Promise.all([closed, started.running.ended]);
  const endings = endingsOf(started.running.pid, over);
  const limit = limitTime(endings, firing.timeout);
  onStart(started.running.pid, endings);
  const { reached, homeless, usage, ...exit } = await started.running.ended;
  const duration = performance.now() - begun;
  const ended = Date.now();
  const timedOut = limit.stop();
  const killed = endings.stop();
  if (timedOut)
    trouble(`ended after ${firing.timeout} s (CRON_TIMEOUT): ${toText(firing.command)}`);
  if (reached) onExit(exit);
  logEnd(firing, started.running.pid, exit, tools);
  if (homeless) trouble(`chdir failed (${home(started.environment)}): the job ran in "/"`);
  const open = await stillOpen(closed, tools);
  // What never became the user's SHELL has no status of its own.
  const outcome = reached
    ? { exit, duration, fault: null, ...(usage !== undefined && { usage }) }
    : { exit: null, duration: null, fault: await unreached(exit, output, tools.scope !== null) };
  const finished = { user, ...outcome, at: ended, output, environment: cron, timedOut, killed };
  if (!open) return { ...finished, late: null };
  const later = new Output(tools.outputFile(`${firing.run}-late`), trouble, tools.outputLimit);
  current = later;
  return { ...finished, late: closed.then(() => later) };
}

/** Nobody has that name, or no more. */
export const NO_USER = 'no such user';
/** The user database has not told; whoever it is may be told of later. */
export const UNANSWERED = 'unanswered';
/** There could be no scope for it. */
export const UNSCOPED = 'unscoped';
/** It was not started before cron was stopped. */
export const STOPPED = 'cron was stopped';

function faultOf(error: unknown): Fault {
  const code = errorCode(error) ?? (error instanceof Error ? errorCode(error.cause) : undefined);
  return { problem: reason(error), code };
}

/** setpriv(1) says so when the kernel did not execute /bin/sh: it is out of processes, or /bin/sh is away. */
const REFUSED = /failed to execute/;

/** Words of those that come after systemd-run. */
const SETPRIVS = /^(?:setpriv|prlimit|\/usr\/bin\/env|\/bin\/sh): /;

/** What our way to the user's SHELL ended with; it has told why, as a line of the output. */
async function unreached(
  { code, signal }: Exit,
  output: Output,
  isScoped: boolean,
): Promise<Fault> {
  let told = '';
  for await (const bytes of output.chunks(0, 200)) told += Buffer.from(bytes).toString('latin1');
  const [line = ''] = told.split('\n', 1);
  const problem = line === '' ? `ended by ${signal ?? `status ${code}`}` : toText(line);
  if (isScoped && code !== null && !SETPRIVS.test(line)) return { problem, code: UNSCOPED };
  return { problem, code: REFUSED.test(line) ? 'EAGAIN' : undefined };
}

const ERROR = { level: 'error', tag: 'CRON' } as const;

interface Started {
  readonly running: Running;
  readonly read: number;
  readonly environment: Environment;
}

/** Open the session, where there is one, make the pipes and start `SHELL -c command`. */
async function start(
  firing: Firing,
  user: User,
  environmentOver: (base: Environment) => Environment,
  { launcher, hold, scope, baseEnvironment }: JobTools,
): Promise<Started> {
  const held = (await hold?.(user)) ?? undefined;
  const environment = environmentOver(held?.environment ?? baseEnvironment());
  const [input, output] = pipesFor(held);
  try {
    // The pipes are the user's, so that a job can open /dev/stdin and /dev/stderr anew.
    if (process.geteuid?.() === 0)
      for (const fd of [input.read, output.write]) fchownSync(fd, user.uid, user.gid);
    const program = {
      user,
      argv: [lookup(environment, 'SHELL'), '-c', firing.command],
      environment,
      directory: home(environment),
      stdin: input.read,
      output: output.write,
      ...(scope !== null && { scope: scope(user.name, firing) }),
    } as const;
    const running = await launcher.start(program, held);
    if (firing.stdin === null) closeSync(input.write);
    else feed(input.write, toBytes(firing.stdin));
    return { running, read: output.read, environment };
  } catch (error) {
    held?.letGo();
    closeSync(input.write);
    closeSync(output.read);
    throw error;
  } finally {
    // With the parent's copy of the write end open, the end of the output would never be seen.
    closeSync(input.read);
    closeSync(output.write);
  }
}

function pipesFor(held: Held | undefined): ReturnType<typeof twoPipes> {
  try {
    return twoPipes(OUTPUT_PIPE);
  } catch (error) {
    held?.letGo();
    throw error;
  }
}

/** A job that prints fast is not held up by our reading. */
const OUTPUT_PIPE = 1024 * 1024;

function lookup(environment: Environment, name: string): string {
  return environment.find(([key]) => key === name)?.[1] ?? '';
}

function home(environment: Environment): string {
  return lookup(environment, 'HOME');
}

/** Whether the pipe is still open when the patience with background children is over. */
async function stillOpen(
  closed: Promise<void>,
  { linger, hurry }: Pick<JobTools, 'linger' | 'hurry'>,
): Promise<boolean> {
  const timer = new AbortController();
  const late = pause(linger, true, { signal: timer.signal }).catch(() => true);
  const cut = (): void => timer.abort();
  hurry?.addEventListener('abort', cut, { once: true });
  if (hurry?.aborted === true) cut();
  const open = await Promise.race([closed.then(() => false), late]);
  hurry?.removeEventListener('abort', cut);
  timer.abort();
  return open;
}

function logStart(firing: Firing, pid: number, { log, logBits }: JobTools): void {
  if (firing.quiet || (logBits & LOG_BITS.START) === 0) return;
  log(firing.user, 'CMD', named(firing, pid, logBits), { tag: 'CRON', pid });
}

function logEnd(firing: Firing, pid: number, exit: Exit, { log, logBits }: JobTools): void {
  const how = { tag: 'CRON', pid };
  if (!firing.quiet && (logBits & LOG_BITS.END) !== 0)
    log(firing.user, 'END', named(firing, pid, logBits), how);
  if ((logBits & LOG_BITS.FAILED) === 0) return;
  if (exit.signal !== null)
    log('CRON', 'error', `grandchild #${pid} terminated by signal ${exit.signal}`, how);
  else if (exit.code !== 0)
    log('CRON', 'error', `grandchild #${pid} failed with exit status ${exit.code}`, how);
}

function named(firing: Firing, pid: number, logBits: number): string {
  const command = visible(firing.command);
  return (logBits & LOG_BITS.PIDS) === 0 ? command : `[${pid}] ${command}`;
}
