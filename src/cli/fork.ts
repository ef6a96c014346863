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

/**
 * An option for Node: give memory back rather than keep it for the next crowd of jobs. By default a runner that has had
 * 3,000 jobs keeps 70 MB, with this 30. It costs a busy runner 0.05 to 0.3 ms of processor time a job, of four.
 */
const FRUGAL = '--optimize-for-size';

/** Start a program of ours in a session of its own. */
export function forkDetached(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  outputs: Outputs = ['ignore', 'inherit'],
): ChildProcess {
  return fork(program, args, {
    detached: true,
    env: environment,
    execArgv: [NO_DEBUGGER, FRUGAL],
    stdio: ['ignore', ...outputs, 'ipc'],
  });
}

/** A process of ours that is not ready after so long hangs, in milliseconds. */
const PATIENCE = 60_000;

/**
 * Wait until it says that it is ready, then let it go its own way.
 * @throws when it failed, or ended without a word
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
    throw new Error(`it ended at once (${signal ?? `exit status ${code}`})`);
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
