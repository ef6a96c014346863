/** What the scheduler and a runner say to each other: lines of JSON over a unix socket of root's own. */
import type { Socket } from 'node:net';
import type { Environment } from '../core/environment.ts';
import type { Settings } from '../core/settings.ts';
import type { Exit } from '../system/program.ts';
import type { Ending } from './ending.ts';
import type { Counts } from './limits.ts';

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
  /** What it may use at most, in a scope; nothing of it from an older scheduler. */
  readonly limits?: Settings['limits'];
  /** The minute for which it starts, as ISO 8601 with the offset of its clocks; nothing for @reboot. */
  readonly scheduled?: string;
  /** What to do while a job of the same entry is running. */
  readonly overlap: Settings['overlap'];
  /** Who started it by hand, and not the clock. */
  readonly byHand?: string;
  /** Somebody watches it from its beginning. */
  readonly watched?: boolean;
  /** Nobody wants its mail. */
  readonly noMail?: boolean;
  /** Where it is written; for those who read of the run later. */
  readonly origin?: Origin;
}

/** A line of a crontab. */
export interface Origin {
  /** A user's name, or as the log names those of the system: `*system*NAME`. */
  readonly crontab: string;
  readonly line: number;
  /** The line as text, but for the width of its blanks; a long one is cut. */
  readonly text: string;
}

/** A job that is running. */
export interface RunningJob {
  readonly run: string;
  readonly identity: string;
  readonly user: string;
  /** What people recognise it by: the beginning of its command, as text. */
  readonly command: string;
  /** When it was started, or began to wait, in milliseconds since the epoch. */
  readonly since: number;
  /** 0 while it is on its way. */
  readonly pid: number;
  /** See Firing; a runner of an older version does not tell. */
  readonly scheduled?: string;
  /** It has not begun: it waits for the job before it, or for a place (see limits.ts). */
  readonly waiting?: true;
}

/** How a job ended: it may never have begun, and nobody knows it of one whose runner died. */
export type HowEnded = Exit | 'not started' | 'unknown';

/** Hears of all jobs of all runners. */
export interface Witness {
  started(job: RunningJob): void;
  ended(job: RunningJob, how: HowEnded): void;
}

/** A run whose runner died: how it ended and how much it printed, if that was recorded. */
export interface LostRun {
  readonly firing: Firing;
  readonly exit: Exit | null;
  readonly bytes: number;
  /** It had not begun: it waited for another job of its entry. */
  readonly waiting: boolean;
  /** Its mail was being handed over: it may have been taken. */
  readonly mailing?: boolean;
  /** Who had sent it a signal by then. */
  readonly killedBy?: string;
  /** Its mail is in the outbox: what is left to do is to record it. */
  readonly posted?: boolean;
  /** When it was put into the journal, in milliseconds since the epoch. */
  readonly at?: number;
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
  /** These are likely to be started within so many milliseconds: have their processes ready. */
  | { readonly order: 'arm'; readonly firings: readonly Firing[]; readonly within: number }
  | { readonly order: 'free'; readonly identity: string }
  /** So many jobs run in the other runners. */
  | { readonly order: 'elsewhere'; readonly counts: Counts }
  /** Mail what is known of runs that a dead runner left. */
  | { readonly order: 'report'; readonly lost: readonly LostRun[] }
  /** Send a signal to a job; answered by `killed`. */
  | { readonly order: 'kill'; readonly run: string; readonly ending: Ending }
  /** Have the output of a run where it can be read while it comes; answered by `shown`. */
  | { readonly order: 'watch'; readonly run: string }
  /** Whoever watched that output has all of it, or wants no more. */
  | { readonly order: 'seen'; readonly run: string }
  /** End all jobs, start nothing any more, drain. SIGKILL follows after so many milliseconds; answered by `stopped`. */
  | { readonly order: 'stop'; readonly grace: number }
  /** Start nothing any more; end when the last job and mail are done. */
  | { readonly order: 'drain' };

/** From a runner. */
export type Word =
  | { readonly word: 'taken'; readonly running: readonly RunningJob[] }
  /** These are in the journal: they were started, or will be. */
  | { readonly word: 'recorded'; readonly runs: readonly string[] }
  | { readonly word: 'started'; readonly job: RunningJob }
  | { readonly word: 'ended'; readonly run: string; readonly exit: Exit | null }
  /** Whether the signal was sent: false if no such job is running. */
  | { readonly word: 'killed'; readonly run: string; readonly done: boolean }
  /** The output of a run is in its file from now on; false: not yet, for the disk is full. */
  | { readonly word: 'shown'; readonly run: string; readonly done: boolean }
  /**
   * Nothing more is printed by a run that is watched. Its output stays where it is until it is
   * `seen`, but not for long; if it `isGapped` it is changed then.
   */
  | {
      readonly word: 'over';
      readonly run: string;
      readonly exit: Exit | null;
      /** Bytes that it has printed and that were kept. */
      readonly size: number;
      readonly isGapped: boolean;
    }
  /** All jobs have ended, and their mail is on its way. */
  | { readonly word: 'stopped' }
  /** There is a mail more in the outbox. */
  | { readonly word: 'posted' }
  /** There is a record more of a run that is over. */
  | { readonly word: 'written' };

/** A batch has at most 4 MiB of words (see batchesOf); JSON makes at most six chars of a byte. */
const LINE_LIMIT = 128 * 1024 * 1024;

/** Send one message. */
export function say(socket: Socket, message: Order | Word): void {
  if (!socket.destroyed) socket.write(`${JSON.stringify(pack(message))}\n`);
}

/** Orders that bring firings. */
type Bringing = Extract<Order, { readonly firings: readonly Firing[] }>;

/** Firings on their way: environments, which entries share, are sent once. */
type Packed = DistributiveOmit<Bringing, 'firings'> & {
  readonly environments: readonly Environment[];
  readonly firings: readonly (Omit<Firing, 'environment'> & { readonly environment: number })[];
};
type DistributiveOmit<T, K extends keyof T> = T extends T ? Omit<T, K> : never;

function pack(message: Order | Word): Order | Word | Packed {
  if (!('order' in message) || !('firings' in message)) return message;
  const environments = [...new Set(message.firings.map(({ environment }) => environment))];
  const places = new Map(environments.map((environment, place) => [environment, place]));
  const firings = message.firings.map((firing) => ({
    ...firing,
    environment: places.get(firing.environment) ?? 0,
  }));
  return { ...message, environments, firings };
}

function unpack(message: Order | Word | Packed): Order | Word {
  if (!('environments' in message)) return message;
  const { environments, firings, ...rest } = message;
  const whole = firings.map((firing) => ({
    ...firing,
    environment: environments[firing.environment] ?? [],
  }));
  return { ...rest, firings: whole };
}

/** Words of so many bytes go into one message. */
const BATCH = 4 * 1024 * 1024;

/** Divide firings into batches that a message can hold. */
export function batchesOf(firings: readonly Firing[]): Firing[][] {
  const batches: Firing[][] = [];
  let room = 0;
  let known = new Set<Environment>();
  for (const firing of firings) {
    const { command, stdin, environment } = firing;
    const words = command.length + (stdin?.length ?? 0) + OVERHEAD;
    const variables = known.has(environment) ? 0 : sizeOf(environment);
    let batch = batches.at(-1);
    if (batch === undefined || words + variables > room) {
      batch = [];
      batches.push(batch);
      room = BATCH;
      known = new Set();
    }
    batch.push(firing);
    room -= words + (known.has(environment) ? 0 : sizeOf(environment));
    known.add(environment);
  }
  return batches;
}

/** What a firing has besides: names and keys. */
const OVERHEAD = 512;

function sizeOf(environment: Environment): number {
  return environment.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
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
      const message = parse(line);
      if (message === null) {
        socket.destroy(new Error('no message'));
        return;
      }
      onMessage(unpack(message));
      if (socket.destroyed) return;
    }
    if (rest.length > 0) pieces.push(rest);
    length += rest.length;
    if (length > LINE_LIMIT) socket.destroy(new Error('message too long'));
  });
}

function parse(line: string): Order | Word | Packed | null {
  try {
    const message: Order | Word | Packed | null = JSON.parse(line);
    return typeof message === 'object' ? message : null;
  } catch {
    return null;
  }
}
