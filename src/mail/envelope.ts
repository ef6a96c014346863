/** A mail's envelope in the outbox: whom it is still to reach, what was tried, why it failed; JSON, checked when it is read. */
import type { Refused } from '../system/outgoing.ts';

/** What the outbox knows of a mail beside its bytes. Instants are ISO strings, addresses byte strings. */
export interface Envelope {
  readonly version: 1;
  readonly run: string;
  /** As whom a mailer is run, and who is told of failures: the name still has to have that uid. */
  readonly user: string;
  readonly uid: number;
  /** Where errors go; empty: nobody is told. */
  readonly sender: string;
  /** Whom it has not reached, and may reach yet. */
  readonly recipients: readonly string[];
  /** Whom it will not reach, of which the sender has not been told yet. */
  readonly failed: readonly Failed[];
  /** Bytes of the header block and of the body in the message's file. */
  readonly head: number;
  readonly size: number;
  /** Bytes that the job printed, as the log tells them. */
  readonly printed: number;
  readonly created: string;
  readonly tries: number;
  readonly next: string;
  /** Since when a mailer has it; if nobody knows of that any more, it may be sent twice. */
  readonly trying: string | null;
  /** Another program handed it in, and not a job; absent: a job's. */
  readonly submitted?: true;
  /** What the last tries ended with, oldest first. */
  readonly log: readonly Tried[];
}

export type Failed = Pick<Refused, 'recipient' | 'reason'>;

/** A try that has failed, at least for some. */
export interface Tried {
  readonly at: string;
  readonly reason: string;
}

/** So many tries are told. */
export const LOG_LIMIT = 10;

/** The envelope as its file has it. */
export function writeEnvelope(envelope: Envelope): string {
  return `${JSON.stringify(envelope, null, 2)}\n`;
}

/**
 * Read an envelope's file: a crash, a full disk or a hand may have left anything there.
 * @throws which says what is wrong with it
 */
export function readEnvelope(text: string): Envelope {
  const found: unknown = JSON.parse(text);
  if (!isRecord(found)) throw new Error('it is no envelope');
  if (!isEnvelope(found)) throw new Error(`its "${damageOf(found)}" is damaged`);
  if (found.recipients.length + found.failed.length === 0) throw new Error('it is for nobody');
  return found;
}

const isEnvelope = (found: object): found is Envelope => damageOf(found) === undefined;

/** The first key that does not hold what it should. */
function damageOf(found: object): string | undefined {
  const values = new Map<string, unknown>(Object.entries(found));
  return Object.entries(CHECKS).find(([key, check]) => !check(values.get(key)))?.[0];
}

type Check = (value: unknown) => boolean;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText: Check = (value) => typeof value === 'string';
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isInstant: Check = (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value));
/** One word of a command line, and no option. */
export const isAddress: Check = (value) =>
  typeof value === 'string' && /^[!-,.-~\u0080-\u00ff][!-~\u0080-\u00ff]*$/.test(value);
const each =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);

const CHECKS: Readonly<Record<keyof Envelope, Check>> = {
  version: (value) => value === 1,
  run: (value) => typeof value === 'string' && /^[\w.-]+$/.test(value),
  user: (value) => typeof value === 'string' && value !== '',
  uid: isCount,
  sender: (value) => value === '' || isAddress(value),
  recipients: each(isAddress),
  failed: each(
    (value) => isRecord(value) && isAddress(value['recipient']) && isText(value['reason']),
  ),
  head: isCount,
  size: isCount,
  printed: isCount,
  created: isInstant,
  tries: isCount,
  next: isInstant,
  trying: (value) => value === null || isInstant(value),
  submitted: (value) => value === undefined || value === true,
  log: each((value) => isRecord(value) && isInstant(value['at']) && isText(value['reason'])),
};
