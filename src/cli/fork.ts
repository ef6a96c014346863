/** Starting ourselves anew: the runner, and the daemon that leaves its terminal. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { NO_DEBUGGER } from '../system/debugger.ts';

/** What a started process tells the one that started it. */
export type Ready = { readonly ready: true } | { readonly failed: string };

/** Tell the process that started us, and let it go. */
export function tellParent(message: Ready): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(message, () => {
      if (process.connected) process.disconnect();
      resolve();
    });
  });
}

/** Which of our outputs a started process has too. */
export type Outputs = readonly [stdout: 'inherit' | 'ignore', stderr: 'inherit' | 'ignore'];

/** How a program of ours is started. */
export interface Setting {
  readonly environment: NodeJS.ProcessEnv;
  /** Which of our outputs it has; nothing: stderr alone. */
  readonly outputs?: Outputs;
  /** For Node. */
  readonly options: readonly string[];
}

/** Start a program of ours in a session of its own. */
export function forkDetached(
  program: string,
  args: readonly string[],
  { environment, outputs = ['ignore', 'inherit'], options }: Setting,
): ChildProcess {
  return fork(program, args, {
    detached: true,
    env: environment,
    execArgv: [NO_DEBUGGER, ...options],
    stdio: ['ignore', ...outputs, 'ipc'],
  });
}

/** Node does not know one of the options, which are V8's own: another version may have others. */
export class UnknownOption extends Error {}

/** Node's status then: "Invalid Argument" (nodejs.org, Process, Exit codes). */
const INVALID_ARGUMENT = 9;

/** A process of ours that is not ready after so long hangs, in milliseconds. */
const PATIENCE = 60_000;

/**
 * Wait until it says that it is ready, then let it go its own way.
 * @throws when it failed, or ended without a word; UnknownOption when it never began
 */
export async function untilReady(child: ChildProcess): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
  try {
    await ready(child);
  } finally {
    clearTimeout(timer);
  }
}

async function ready(child: ChildProcess): Promise<void> {
  const died = once(child, 'exit').then(([code, signal]: (number | string | null)[]) => {
    const how = `it ended at once (${signal ?? `exit status ${code}`})`;
    throw code === INVALID_ARGUMENT ? new UnknownOption(how) : new Error(how);
  });
  died.catch(() => {}); // it may live long and end then
  const [answer]: unknown[] = await Promise.race([once(child, 'message'), died]);
  if (!isReady(answer)) throw new Error('it said something that is no answer');
  if ('failed' in answer) throw new Error(answer.failed);
  if (child.connected) child.disconnect();
  child.unref();
}

function isReady(answer: unknown): answer is Ready {
  return typeof answer === 'object' && answer !== null && ('ready' in answer || 'failed' in answer);
}
