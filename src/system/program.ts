/** What it takes to run a program as a user: the words that `run` and `mail` share. */
import type { User } from './users.ts';

/** A program to start, whole; byte strings (see bytes.ts) throughout. */
export interface Program {
  readonly user: User;
  readonly argv: readonly [string, ...string[]];
  /** The whole environment; nothing of this process's own is added. */
  readonly environment: readonly (readonly [name: string, value: string])[];
  /** Entered as the user; where that fails, `/` is. */
  readonly directory: string;
  /** Descriptors that become its 0, and its 1 and 2; the caller closes its own copies. */
  readonly stdin: number;
  readonly output: number;
  /** It waits for the first line of its stdin, as the user already, and ends when none comes. */
  readonly isHeld?: boolean;
  /** One of so many that its start had better be cheap, though ps(1) then shows how it was started. */
  readonly isOfMany?: boolean;
  /** No other one of these that is ordered later is started before it. */
  readonly inOrder?: boolean;
  /**
   * What root's command line begins with: words of systemd-run, and of the crontab nothing but numbers. Only what
   * is held back has them: who does not answer in time is ended, and whoever begins has come past them.
   */
  readonly scope?: readonly string[];
}

/** How a program ended, as its own parent was told; see UNTOLD. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** It has ended, but whoever was told how has died. */
export const UNTOLD: Exit = { code: null, signal: null };

/** Whether anybody knows how it ended. */
export function isTold({ code, signal }: Exit): boolean {
  return code !== null || signal !== null;
}

/** What a program and those that it has waited for have used. */
export interface Usage {
  /** Processor time of user and system, in milliseconds. */
  readonly cpu: number;
  /** The most memory that one of them had, in KiB; null: less than can be told. */
  readonly memory: number | null;
}

/** How far the start came. */
export interface Start {
  /** The program itself was reached; false: what ended was still our way to it. */
  readonly reached: boolean;
  /** Its directory could not be entered and it ran in `/`. */
  readonly homeless: boolean;
  /** It was ended, for there was no scope for it in time. */
  readonly unscoped?: true;
  /** Nothing where nobody was there to be told. */
  readonly usage?: Usage;
}

/** A started program: leader of a session and a process group of its own. */
export interface Running {
  readonly pid: number;
  readonly ended: Promise<Exit & Start>;
  /** Whether there is a scope for it: then it waits for its line, or has ended. Nothing: it needs none. */
  readonly scoped?: Promise<boolean>;
  /** Whether it has ended: its pid may be somebody else's. */
  readonly isOver: () => boolean;
}

/** A process of root's that starts one program in place of this one, which inherits what it holds: a session of PAM. */
export interface Holder {
  /** The user's groups, and those that the session adds. */
  readonly groups: readonly number[];
  /** The command line has numbers and fixed names only. */
  readonly spawn: Spawn;
}

/** Start a command line in `/`, with an empty environment, as the leader of a session. */
export type Spawn = (
  file: string,
  args: readonly string[],
  /** What becomes its 0, its 1 and 2, and its 3. */
  ends: {
    readonly stdin: number;
    readonly output: number;
    readonly note: number;
    readonly inOrder?: boolean;
  },
) => Promise<{
  readonly pid: number;
  readonly ended: Promise<Exit & Pick<Start, 'usage'>>;
}>;

/** Start programs as users. Throws where nothing could be started at all. */
export interface Launcher {
  start(program: Program, holder?: Holder): Promise<Running>;
}
