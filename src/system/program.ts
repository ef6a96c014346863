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
}

/** How a program ended, as its own parent was told. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How far the start came. */
export interface Start {
  /** The program itself was reached; false: what ended was still our way to it. */
  readonly reached: boolean;
  /** Its directory could not be entered and it ran in `/`. */
  readonly homeless: boolean;
}

/** A started program: leader of a session and a process group of its own. */
export interface Running {
  readonly pid: number;
  readonly ended: Promise<Exit & Start>;
}

/** Start programs as users. Throws where nothing could be started at all. */
export interface Launcher {
  start(program: Program): Promise<Running>;
}
