/** A user → a PAM session of theirs, held open by a process of its own as long as its job runs. */
import { type ChildProcess, fork } from 'node:child_process';
import type { Environment } from '../core/environment.ts';
import { isRunning, startTime } from '../system/process.ts';
import { type Exit, type Holder, type Start, UNTOLD, type Usage } from '../system/program.ts';
import type { User } from '../system/users.ts';

/** What the holder is told: first whose session to open, then what to start in it. */
export type HolderOrder =
  | {
      readonly order: 'open';
      readonly user: string;
      readonly groups: readonly number[];
      readonly nofile: number;
    }
  | {
      readonly order: 'spawn';
      readonly file: string;
      readonly args: readonly string[];
      /** Descriptors of the process that orders it. */
      readonly ends: { readonly stdin: number; readonly output: number; readonly note: number };
    };

/** What it answers. */
export type HolderWord =
  | {
      readonly word: 'open';
      readonly environment: Environment;
      readonly groups: readonly number[];
    }
  | { readonly word: 'started'; readonly pid: number }
  | { readonly word: 'ended'; readonly exit: Exit; readonly usage: Usage }
  | { readonly word: 'failed'; readonly why: string };

/** A session that is open, and in which one program can be started. */
export interface Held extends Holder {
  /** What PAM wants to be in the environment. */
  readonly environment: Environment;
  /** Close it, if nothing was started in it; else it is closed when that has ended. */
  letGo(): void;
}

/** Open a session of a user's. Throws where there can be none. */
export type Hold = (user: User) => Promise<Held>;

/** How long PAM may take to open a session, in milliseconds. */
const PATIENCE = 30_000;

/** How often to look whether a job has ended whose holder died, in milliseconds. */
const LOOK = 1000;

/**
 * Have sessions held.
 * @param program the holder's
 * @param nofile soft limit of open descriptors, where PAM says nothing of it
 */
export function pamHold(program: string, nofile: number, patience = PATIENCE): Hold {
  return async (user) => {
    const holder = fork(program, [], {
      env: {},
      // No threads besides, and room enough to get none while a limit of the job's is on itself.
      execArgv: ['--v8-pool-size=1', '--min-semi-space-size=4'],
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const words = wordsOf(holder);
    const timer = setTimeout(() => holder.kill('SIGKILL'), patience);
    try {
      tell(holder, { order: 'open', user: user.name, groups: user.groups, nofile });
      const { environment, groups } = await words.expect('open', () =>
        holder.signalCode === 'SIGKILL' ? `PAM did not answer in ${patience / 1000} s` : null,
      );
      return {
        environment,
        groups,
        letGo: () => letGo(holder),
        async spawn(file, args, ends) {
          tell(holder, { order: 'spawn', file, args, ends });
          const { pid } = await words.expect('started');
          return { pid, ended: ending(words, holder, pid) };
        },
      };
    } catch (error) {
      letGo(holder);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
}

function letGo(holder: ChildProcess): void {
  if (holder.connected) holder.disconnect();
  holder.unref();
}

function tell(holder: ChildProcess, order: HolderOrder): void {
  // Who is gone says nothing, and that is noticed; who could not be started has nothing to be told by.
  if (holder.connected) holder.send(order, () => {});
}

/** Wait for the job's end. Where its holder died, nobody knows how it ended; but that it has, can be seen. */
async function ending(
  words: Words,
  holder: ChildProcess,
  pid: number,
): Promise<Exit & Pick<Start, 'usage'>> {
  const started = startTime(pid);
  try {
    const { exit, usage } = await words.expect('ended');
    return { ...exit, usage };
  } catch {
    const isThere = (): boolean => startTime(pid) === started && isRunning(pid);
    while (isThere()) await new Promise((resolve) => setTimeout(resolve, LOOK));
    return UNTOLD;
  } finally {
    letGo(holder);
  }
}

interface Words {
  /** The next word, which has to be that one. */
  expect<W extends HolderWord['word']>(
    word: W,
    why?: () => string | null,
  ): Promise<Extract<HolderWord, { word: W }>>;
}

/** What a holder says, in order; nothing is lost between two questions. */
function wordsOf(holder: ChildProcess): Words {
  const said: (HolderWord | Error | null)[] = [];
  let wake = (): void => {};
  const hear = (word: HolderWord | Error | null): void => {
    said.push(word);
    wake();
  };
  holder.on('message', (word: HolderWord) => hear(word));
  holder.once('error', hear); // it could not be started
  holder.once('exit', () => hear(null));
  const next = async (): Promise<HolderWord | Error | null> => {
    while (said.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return said.shift() ?? null;
  };
  return {
    async expect<W extends HolderWord['word']>(
      word: W,
      why: () => string | null = () => null,
    ): Promise<Extract<HolderWord, { word: W }>> {
      const heard = await next();
      if (heard === null) throw new Error(why() ?? 'the process that holds its PAM session died');
      if (heard instanceof Error) throw heard;
      if (heard.word === 'failed') throw new Error(heard.why);
      if (!is(heard, word)) throw new Error(`"${heard.word}" was said in place of "${word}"`);
      return heard;
    },
  };
}

function is<W extends HolderWord['word']>(
  heard: HolderWord,
  word: W,
): heard is Extract<HolderWord, { word: W }> {
  return heard.word === word;
}
