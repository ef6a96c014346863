/** A firing → a process of its user, with its pipes; it goes on at once, or is held back until its minute. */
import { closeSync, fchownSync, writeSync } from 'node:fs';
import { type Environment, jobEnvironment } from '../core/environment.ts';
import { fromText, toBytes, toText } from '../system/bytes.ts';
import { feed } from '../system/capture.ts';
import { errorCode, reason } from '../system/failure.ts';
import { twoPipes } from '../system/libc/descriptors.ts';
import type { Launcher, Running } from '../system/program.ts';
import type { Log } from '../system/sink.ts';
import type { User, Users } from '../system/users.ts';
import type { Account } from './account.ts';
import type { Held, Hold } from './hold.ts';
import type { Firing } from './protocol.ts';
import type { Scope } from './scope.ts';
import { GO } from './script.ts';

/** What it takes to start a job. */
export interface StartTools {
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
  /** Aborts when nothing is to start any more: cron is stopped with its jobs. */
  readonly stopped?: AbortSignal;
}

/** A job that has its process. */
export interface Ready {
  readonly user: User;
  readonly running: Running;
  /** The read end of its output. */
  readonly read: number;
  /** It begins in a scope of its own, or not at all. */
  readonly isScoped: boolean;
  /** Its environment, and the user's view of the entry: assignments and what cron added. */
  readonly environment: Environment;
  readonly cron: Environment;
  /** Nothing of the crontab's runs before this is called. */
  readonly go: () => void;
  /** In place of `go`: nothing of the crontab's ever runs, and its process ends. */
  readonly drop: () => void;
}

/** A job that got none. */
export interface Unready {
  /** Who is to read of it; null: nobody. */
  readonly user: User | null;
  readonly cron: Environment;
  /** Null: there is nothing to tell that was not logged. */
  readonly fault: Fault | null;
}

/** A start that failed, before anything of the user's ran. */
export interface Fault {
  readonly problem: string;
  /** Errno's name, where there is one. */
  readonly code: string | undefined;
}

/** Nobody has that name, or no more. */
export const NO_USER = 'no such user';
/** The user database has not told; whoever it is may be told of later. */
export const UNANSWERED = 'unanswered';
/** It was not started before cron was stopped. */
export const STOPPED = 'cron was stopped';

/** How a process is to be started. */
export interface Manner {
  /** It waits for `go()`, and ends when that cannot come any more; whoever is refused is not logged. */
  readonly isHeld: boolean;
  /** See Program. */
  readonly isOfMany: boolean;
}

/** Start the process of a firing. Never throws. */
export async function makeReady(
  firing: Firing,
  tools: StartTools,
  manner: Manner = { isHeld: false, isOfMany: false },
): Promise<Ready | Unready> {
  const nobody = { user: null, cron: [] };
  let user: User | null;
  try {
    user = await tools.users.find(firing.user);
  } catch (error) {
    return { ...nobody, fault: { problem: reason(error), code: UNANSWERED } };
  }
  if (user === null) return { ...nobody, fault: { problem: NO_USER, code: undefined } };
  const [name, directory] = [fromText(user.name), fromText(user.home)];
  const environmentOver = (base: Environment): ReturnType<typeof jobEnvironment> =>
    jobEnvironment(base, firing.environment, name, directory, tools.passed);
  const { cron } = environmentOver([]);
  const verdict = await tools.account(user.name);
  if (!verdict.isAllowed) {
    const { why: problem, isTrouble, code } = verdict;
    if (isTrouble) return { user, cron, fault: { problem: `PAM: ${problem}`, code } };
    const detail = `${problem}; job not started: ${toText(firing.command)}`;
    if (!manner.isHeld)
      tools.log(firing.user, 'FAILED to authorize user with PAM', detail, {
        level: 'error',
        tag: 'CRON',
      });
    // Who is locked out gets no mail, as under Debian's cron.
    return { user: null, cron, fault: null };
  }
  if (tools.stopped?.aborted === true)
    return { user, cron, fault: { problem: STOPPED, code: undefined } };
  try {
    const started = await start(firing, user, (base) => environmentOver(base).job, tools, manner);
    return { user, cron, ...started };
  } catch (error) {
    return { user, cron, fault: faultOf(error) };
  }
}

function faultOf(error: unknown): Fault {
  const code = errorCode(error) ?? (error instanceof Error ? errorCode(error.cause) : undefined);
  return { problem: reason(error), code };
}

/** Open the session, where there is one, make the pipes and start `SHELL -c command`. */
async function start(
  firing: Firing,
  user: User,
  environmentOver: (base: Environment) => Environment,
  { launcher, hold, scope, baseEnvironment }: StartTools,
  { isHeld, isOfMany }: Manner,
): Promise<Omit<Ready, 'user' | 'cron'>> {
  const held = (await hold?.(user)) ?? undefined;
  const environment = environmentOver(held?.environment ?? baseEnvironment());
  const [input, output] = pipesFor(held);
  const words = scope?.words(user.name, firing) ?? null;
  try {
    // The pipes are the user's, so that a job can open /dev/stdin and /dev/stderr anew.
    if (process.geteuid?.() === 0)
      for (const fd of [input.read, output.write]) fchownSync(fd, user.uid, user.gid);
    const program = {
      user,
      argv: [lookup(environment, 'SHELL'), '-c', firing.command],
      environment,
      directory: lookup(environment, 'HOME'),
      stdin: input.read,
      output: output.write,
      isHeld: isHeld || words !== null,
      isOfMany,
      inOrder: !isHeld,
      ...(words !== null && { scope: words }),
    } as const;
    const running = await launcher.start(program, held);
    const { scoped } = running;
    const go = (): void => give(input.write, program.isHeld, firing.stdin);
    return {
      running,
      read: output.read,
      isScoped: words !== null,
      environment,
      go() {
        if (scoped === undefined) go();
        // Nothing is said to it before it has its scope: without one it begins elsewhere.
        else void scoped.then((isScoped) => (isScoped ? go() : closeSync(input.write)));
      },
      drop() {
        closeSync(input.write);
        closeSync(output.read);
      },
    };
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

/** Let a job begin, and have what the crontab has for its input. */
function give(fd: number, isHeld: boolean, stdin: string | null): void {
  if (stdin !== null) return feed(fd, toBytes(`${isHeld ? GO : ''}${stdin}`));
  try {
    if (isHeld) writeSync(fd, GO);
  } catch {
    // It has ended already, and that is told.
  } finally {
    closeSync(fd);
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
