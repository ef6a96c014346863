/** What became of a run: the words that `run`, which writes it down, and `history`, which keeps it, share. */

/**
 * How a run ended:
 * - `failed`: with another status than 0, by a signal, or at its CRON_TIMEOUT;
 * - `not-started`: there was no such user, or no process to be had;
 * - `unknown`: its runner died before it;
 * - `skipped`: it did not run, for one of its entry was running still;
 * - `missed`: it did not run, for cron was not running or asleep at its time, and nothing made up for it;
 * - `late`: no run, but what a background child printed when the job's mail was on its way.
 */
export const OUTCOMES = [
  'succeeded',
  'failed',
  'not-started',
  'unknown',
  'skipped',
  'missed',
  'late',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Where its mail went: nowhere, for there was none; to a mailer; `dropped`: the outbox had no room for it. */
export const MAIL_FATES = ['none', 'mailer', 'mailboxes', 'outbox', 'dropped'] as const;
export type MailFate = (typeof MAIL_FATES)[number];

/**
 * What became later of a mail that went to the outbox: taken by a mailer at last; given up, and its owner told, for one
 * recipient at least; given up, and nobody told; `outbox`: it waits once more, for somebody wants it sent.
 */
export const LATER_FATES = ['sent', 'returned', 'given-up', 'outbox'] as const;

/** A mail of a run, some time after that was over. */
export interface LaterMail {
  readonly fate: (typeof LATER_FATES)[number];
  /** In milliseconds since the epoch. */
  readonly at: number;
}

/** A run that is over. Instants are in milliseconds since the epoch. */
export interface RunRecord {
  /** No other run has this name. */
  readonly run: string;
  /** Entry and instant. */
  readonly key: string;
  /** The entry. */
  readonly identity: string;
  /** Whose or which crontab has it, in which line, and what that says; null: a runner of an older version. */
  readonly crontab: string | null;
  readonly line: number | null;
  readonly entry: string | null;
  readonly user: string;
  /** As text; a long one is cut. */
  readonly command: string;
  /** The minute for which it started, as ISO 8601 with the offset of its clocks; null for @reboot. */
  readonly scheduled: string | null;
  /** Who started it by hand; null: the clock did. */
  readonly byHand: string | null;
  /** When it was started, or would have been. */
  readonly started: number | null;
  /** Null: not known. */
  readonly ended: number | null;
  readonly outcome: Outcome;
  /** Exit status or signal; both null where there was none. */
  readonly code: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  /** Bytes that it printed, as far as they were kept for its mail. */
  readonly bytes: number;
  readonly mail: MailFate;
  /** Told by the history only. */
  readonly later?: LaterMail;
  /** CPU time in milliseconds and most memory in KiB, where they are known. */
  readonly cpu: number | null;
  readonly memory: number | null;
}

/** Know a start that was left out. */
export function isLeftOut({ outcome }: Pick<RunRecord, 'outcome'>): boolean {
  return outcome === 'skipped' || outcome === 'missed';
}

/** Know a run that somebody should look at. */
export function isFailure({ outcome }: Pick<RunRecord, 'outcome'>): boolean {
  return outcome === 'failed' || outcome === 'not-started' || outcome === 'unknown';
}
