/** The control protocol, version 1: bytes of a connection ↔ heads and bodies; docs/control-protocol.md is its law. */
import type { Problem } from '../core/problem.ts';
import type { BackupInfo, CandidateInfo, MailInfo, RunInfo, StatusInfo } from './answers.ts';

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
