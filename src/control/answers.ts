/** What answers tell: of tables, jobs, runs, mails and the daemon itself; docs/control-protocol.md is its law. */
import type { LaterMail, MailFate, Outcome } from '../system/record.ts';

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
