/** What the scheduler and a runner say to each other: lines of JSON over a unix socket of root's own. */
import type { Socket } from 'node:net';
import type { Environment } from '../core/environment.ts';
import type { Settings } from '../core/settings.ts';
import type { Exit } from '../system/program.ts';

/** One start of one entry for one instant. */
export interface Firing {
  /** Entry and instant: what may happen once. */
  readonly key: string;
  /** The entry alone; stable across reloads. */
  readonly identity: string;
  /** Name of this run: file names and logs. */
  readonly run: string;
  readonly user: string;
  /** Byte strings, as the crontab has them. */
  readonly command: string;
  readonly stdin: string | null;
  readonly environment: Environment;
  /** No CMD line in the log. */
  readonly quiet: boolean;
  /** When a job that succeeded is mailed; see core/settings.ts. */
  readonly mailSuccess: Settings['mailSuccess'];
  /** Ended after so many seconds; 0 for never. */
  readonly timeout: number;
  /** What to do while a job of the same entry is running. */
  readonly overlap: Settings['overlap'];
}

/** A job that is running. */
export interface RunningJob {
  readonly run: string;
  readonly identity: string;
  readonly user: string;
  /** 0 while it is on its way. */
  readonly pid: number;
}

/** A run whose runner died: how it ended and how much it printed, if that was recorded. */
export interface LostRun {
  readonly firing: Firing;
  readonly exit: Exit | null;
  readonly bytes: number;
  /** It had not begun: it waited for another job of its entry. */
  readonly waiting: boolean;
}

/** From the scheduler. */
export type Order =
  /** I am the scheduler now; whoever was it before is not listened to any more. */
  | { readonly order: 'take' }
  /** `busy` are entries of whose jobs some run elsewhere: those that queue wait for `free`. */
  | {
      readonly order: 'start';
      readonly firings: readonly Firing[];
      readonly busy: readonly string[];
    }
  | { readonly order: 'free'; readonly identity: string }
  /** Mail what is known of runs that a dead runner left. */
  | { readonly order: 'report'; readonly lost: readonly LostRun[] }
  /** Start nothing any more; end when the last job and mail are done. */
  | { readonly order: 'drain' };

/** From a runner. */
export type Word =
  | { readonly word: 'taken'; readonly running: readonly RunningJob[] }
  /** These are in the journal: they were started, or will be. */
  | { readonly word: 'recorded'; readonly runs: readonly string[] }
  | { readonly word: 'started'; readonly job: RunningJob }
  | { readonly word: 'ended'; readonly run: string; readonly exit: Exit | null };

/** A crontab has at most 16 MiB; JSON makes at most six chars of a byte. */
const LINE_LIMIT = 128 * 1024 * 1024;

/** Send one message. */
export function say(socket: Socket, message: Order | Word): void {
  if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\n`);
}

/** Call back for each message; a line that is none, or too long, ends the connection. */
export function listenTo(socket: Socket, onMessage: (message: Order | Word) => void): void {
  let pieces: Buffer[] = [];
  let length = 0;
  socket.on('data', (data: Buffer) => {
    let rest = data;
    for (;;) {
      const end = rest.indexOf(10);
      if (end === -1) break;
      const line = Buffer.concat([...pieces, rest.subarray(0, end)]).toString('utf8');
      pieces = [];
      length = 0;
      rest = rest.subarray(end + 1);
      try {
        const message: Order | Word = JSON.parse(line);
        onMessage(message);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      if (socket.destroyed) return;
    }
    if (rest.length > 0) pieces.push(rest);
    length += rest.length;
    if (length > LINE_LIMIT) socket.destroy(new Error('message too long'));
  });
}
