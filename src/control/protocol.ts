/** The control protocol, version 1: bytes of a connection ↔ heads and bodies; docs/control-protocol.md is its law. */
import type { Problem } from '../core/problem.ts';
import type { LaterMail, MailFate, Outcome } from '../system/record.ts';

export const PROTOCOL_VERSION = 1;

/** Name of the socket in the run directory. */
export const SOCKET_NAME = 'cron.sock';

/** Longest head of a request, in bytes, its newline not counted. */
export const REQUEST_LIMIT = 16 * 1024;
/** Longest head of an answer: the problems of a table are in it, or all running jobs. */
export const ANSWER_LIMIT = 16 * 1024 * 1024;

/** First line of a request; `length` bytes of body follow it. */
export interface RequestHead {
  readonly version: number;
  readonly request: string;
  /** Whose crontab or jobs; absent: the caller's own. */
  readonly user?: string;
  readonly length?: number;
  /** Digest of the table on which a change is based, or `none`; absent: whatever it is. */
  readonly seen?: string;
  /** Which backup; 1 is the newest. */
  readonly number?: number;
  /** Which mails; absent: all. */
  readonly ids?: readonly string[];
  /** What later requests add. */
  readonly [field: string]: unknown;
}

/** Why a request is refused, for programs. */
export const FAULTS = [
  'version',
  'garbled',
  'unknown-request',
  'too-large',
  'busy',
  'timeout',
  'denied',
  'not-allowed',
  'unknown-user',
  'none',
  'ambiguous',
  'changed',
  'running',
  'invalid',
  'full',
  'failed',
] as const;
export type Fault = (typeof FAULTS)[number];

/** A refusal; `message` is a sentence for people. */
export interface Refusal {
  readonly ok: false;
  readonly error: Fault;
  readonly message: string;
  /** Of a table that is invalid. */
  readonly problems?: readonly Problem[];
  /** What may be meant, where it is not clear. */
  readonly candidates?: readonly CandidateInfo[];
}

/** An entry or a run that a word may mean. */
export interface CandidateInfo {
  /** By which it is called. */
  readonly name: string;
  readonly user: string;
  readonly command: string;
}

/** An older table that can be had back. */
export interface BackupInfo {
  /** 1 is the newest. */
  readonly number: number;
  /** When it was replaced or removed, as ISO 8601 has it. */
  readonly at: string;
  /** In bytes. */
  readonly size: number;
}

/** A job that is running. */
export interface RunningInfo {
  readonly run: string;
  readonly user: string;
  /** As people read it, cut to a few hundred characters. */
  readonly command?: string;
  /** 0 while it is on its way. */
  readonly pid: number;
  /** When it was started, or began to wait, as ISO 8601 has it. */
  readonly since?: string;
  /** The minute for which. */
  readonly scheduled?: string;
  /** What it has printed so far; of very many jobs it is not told. */
  readonly bytes?: number;
}

/** A job that has ended. */
export interface EndedInfo {
  readonly run: string;
  readonly user: string;
  readonly command: string;
  /** When it ended, as ISO 8601 has it. */
  readonly at: string;
  /** How long it ran. */
  readonly seconds: number;
  readonly result: 'succeeded' | 'failed' | 'not started' | 'unknown';
  /** Of one that ran to its end: one of the two. */
  readonly exit?: number | null;
  readonly signal?: string | null;
}

/** A run of the history. Instants are as ISO 8601 has them; null is what is not known, or was not. */
export interface RunInfo {
  readonly run: string;
  readonly user: string;
  /** As people read it, cut to 2,000 bytes. */
  readonly command: string;
  readonly crontab: string | null;
  readonly line: number | null;
  /** The minute for which. */
  readonly scheduled: string | null;
  /** Who started it by hand. */
  readonly byHand: string | null;
  readonly started: string | null;
  readonly ended: string | null;
  readonly outcome: Outcome;
  /** Of one that ran to its end: one of the two. */
  readonly exit: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  /** Bytes that it printed. */
  readonly bytes: number;
  /** When it ended. */
  readonly mail: MailFate;
  /** What became later of a mail that went to the outbox, and when; null: it waits, or was never there. */
  readonly mailLater: Exclude<LaterMail['fate'], 'outbox'> | null;
  readonly mailLaterAt: string | null;
  /** Seconds of processor time, and most memory in bytes. */
  readonly cpu: number | null;
  readonly memory: number | null;
}

/** The next start of an entry. */
export interface NextInfo {
  /** As ISO 8601 has it. */
  readonly at: string;
  readonly user: string;
  readonly command: string;
  readonly file: string;
  readonly line: number;
}

/** A process that starts jobs. */
export interface RunnerInfo {
  readonly id: string;
  readonly pid: number | null;
  readonly jobs: number;
  /** It starts nothing any more, and ends after its last job. */
  readonly draining: boolean;
}

/** What the daemon tells of itself; to who is not root, of their own only. */
export interface StatusInfo {
  readonly pid: number;
  readonly started: string;
  readonly version: string;
  readonly crontabs: number;
  readonly entries: number;
  readonly running: readonly RunningInfo[];
  /** Jobs that are running, of which `running` may list the first ones only. */
  readonly jobs: number;
  /** The same of jobs that wait for another one to end; an older daemon does not tell. */
  readonly waiting?: readonly RunningInfo[];
  readonly waits?: number;
  readonly runners: number;
  /** To root only; this and what follows an older daemon does not tell. */
  readonly runnerList?: readonly RunnerInfo[];
  /** Entries that start soonest, each with its next start. */
  readonly next?: readonly NextInfo[];
  /** Jobs that ended since the daemon was started, the latest first; and those that did not succeed. */
  readonly ended?: readonly EndedInfo[];
  readonly failures?: readonly EndedInfo[];
  /** Mails in the outbox. */
  readonly mails?: { readonly waiting: number; readonly failed: number };
}

/** A mail in the outbox. Instants are as ISO 8601 has them. */
export interface MailInfo {
  readonly id: string;
  readonly state: 'waiting' | 'given up';
  readonly user: string;
  /** Whom it has not reached; the first ones, if they are very many. */
  readonly recipients: readonly string[];
  /** In bytes. */
  readonly size: number;
  readonly since: string;
  readonly tries: number;
  /** The next try; null: it is given up. */
  readonly next: string | null;
  /** Since when a mailer has it; null: none has. */
  readonly trying: string | null;
  /** What the last try ended with. */
  readonly reason: string;
}

/** What was asked for; `length` bytes of body follow the head. */
export interface Success {
  readonly ok: true;
  readonly length?: number;
  /** Another answer to this request follows. */
  readonly more?: boolean;
  readonly backups?: readonly BackupInfo[];
  readonly status?: StatusInfo;
  /** The first ones of so many. */
  readonly mails?: readonly MailInfo[];
  readonly count?: number;
  /** Mails that are tried now, and names of none. */
  readonly flushed?: number;
  readonly unknown?: readonly string[];
  /** Runs that are over, the latest first. */
  readonly runs?: readonly RunInfo[];
  /** Why the latest runs may be missing. */
  readonly trouble?: string;
  /** The run whose output, as far as it is kept, is the body; whether any of it is. */
  readonly found?: RunInfo;
  readonly kept?: boolean;
  /** What later requests add. */
  readonly [field: string]: unknown;
}

/** First line of an answer, its version left out. */
export type AnswerHead = Success | Refusal;

/** A head on its way; the body follows as it is. */
export function encodeHead(head: object): Buffer {
  return Buffer.from(`${JSON.stringify({ version: PROTOCOL_VERSION, ...head })}\n`);
}

/** Read the head of a request, its newline cut off. */
export function decodeRequest(
  line: Buffer,
): { readonly ok: true; readonly head: RequestHead } | Refusal {
  const head = objectIn(line);
  if (head === null) return refusal('garbled', 'A request begins with a line of JSON, an object');
  const { version, request, user, length, seen, number, ids } = head;
  if (version !== PROTOCOL_VERSION)
    return refusal('version', `This cron speaks version ${PROTOCOL_VERSION} of the protocol`);
  if (typeof request !== 'string') return garbled('request', 'a name');
  if (user !== undefined && !isName(user)) return garbled('user', "a user's name");
  if (length !== undefined && !isCount(length)) return garbled('length', 'a number of bytes');
  if (seen !== undefined && !(typeof seen === 'string' && SEEN.test(seen)))
    return garbled('seen', 'a SHA-256 in small hexadecimal digits, or "none"');
  if (number !== undefined && !isCount(number)) return garbled('number', 'a number');
  if (ids !== undefined && !(Array.isArray(ids) && ids.every((id) => typeof id === 'string')))
    return garbled('ids', 'an array of names');
  return { ok: true, head: { ...head, version, request } };
}

/** Read the head of an answer, its newline cut off; null: it is none. */
export function decodeAnswer(line: Buffer): AnswerHead | null {
  const head = objectIn(line);
  if (head === null) return null;
  const { ok, length, error, message } = head;
  if (length !== undefined && !isCount(length)) return null;
  if (ok === true) return { ...head, ok };
  if (ok !== false || typeof error !== 'string' || typeof message !== 'string') return null;
  // A word of a later version is a failure whose message says what it is.
  return { ...head, ok, error: FAULTS.find((known) => known === error) ?? 'failed', message };
}

/** Refuse, with a sentence for people. */
export function refusal(error: Fault, message: string): Refusal {
  return { ok: false, error, message };
}

const SEEN = /^([0-9a-f]{64}|none)$/;
/** Longer than any name of a user (LOGIN_NAME_MAX). */
const NAME_LIMIT = 256;

function garbled(field: string, expected: string): Refusal {
  return refusal('garbled', `"${field}" must be ${expected}`);
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value.length <= NAME_LIMIT && /^\P{Cc}+$/u.test(value);
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function objectIn(line: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Bytes as they come in → lines, and bytes of bodies, wherever the pieces were cut. */
export class Frames {
  #pieces: Buffer[] = [];
  #length = 0;
  /** So many pieces, of so many bytes, are known to hold no newline. */
  #searched = { pieces: 0, bytes: 0 };

  add(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (this.#pieces.length > MANY && this.#length < MANY * SMALL) this.#join();
  }

  /** A line that comes byte by byte: each piece costs hundreds of bytes besides its own. */
  #join(): void {
    this.#pieces = [Buffer.concat(this.#pieces)];
    this.#searched = { pieces: 0, bytes: 0 };
  }

  /** Bytes that nobody has taken yet. */
  get length(): number {
    return this.#length;
  }

  /** Take a line without its newline; null: it is not whole yet; `too long`: it never will be. */
  line(limit: number): Buffer | null | 'too long' {
    const { pieces, bytes } = this.#searched;
    let before = bytes;
    for (const piece of this.#pieces.slice(pieces)) {
      const end = piece.indexOf(NEWLINE);
      if (end !== -1) {
        if (before + end > limit) return 'too long';
        const line = this.bytes(before + end);
        this.bytes(1);
        return line;
      }
      before += piece.length;
    }
    this.#searched = { pieces: this.#pieces.length, bytes: before };
    return before > limit ? 'too long' : null;
  }

  /** Take what is there, at most so many bytes. */
  bytes(most: number): Buffer {
    const taken: Buffer[] = [];
    let missing = Math.min(most, this.#length);
    this.#length -= missing;
    let used = 0;
    for (const piece of this.#pieces) {
      if (missing < piece.length) {
        if (missing > 0) taken.push(piece.subarray(0, missing));
        this.#pieces[used] = piece.subarray(missing);
        break;
      }
      taken.push(piece);
      missing -= piece.length;
      used++;
    }
    this.#pieces.splice(0, used);
    this.#searched = { pieces: 0, bytes: 0 };
    const [only] = taken;
    return taken.length === 1 && only !== undefined ? only : Buffer.concat(taken);
  }
}

const NEWLINE = 10;
/** So many pieces are put together, if they are no longer than so many bytes in the mean. */
const MANY = 256;
const SMALL = 128;
