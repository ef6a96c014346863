/** A mail on its way out: the words that `run` and `mail` share. */
import type { User } from './users.ts';

/** A whole mail: its envelope, its header block, its body. */
export interface Outgoing {
  /** Name of the run it tells about. */
  readonly run: string;
  /** The job's user, as whom a mailer is run. */
  readonly user: User;
  /** Whom errors go to: the address of MAILFROM, or the job's user; one word, checked as recipients are; '' is nobody. */
  readonly sender: string;
  /** Each one word, checked (see core/address.ts); never empty. */
  readonly recipients: readonly string[];
  /** Header lines and the empty line after them, a byte string. */
  readonly head: string;
  /** Bytes that the job printed and cron said, which `chunks` may shorten and encode. */
  readonly size: number;
  /** Another program handed it in: no mailer is to get it that may hand it in once more. */
  readonly submitted?: true;
  /** The body, as often as it is asked for. What of it is to be kept must be copied: a piece is gone when the next is asked for. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** A recipient whom a mail did not reach. */
export interface Refused {
  readonly recipient: string;
  /** A sentence, for people. */
  readonly reason: string;
  /** Another try is in vain. */
  readonly permanent: boolean;
}

/** Hand a mail to whoever is to bring it on; the recipients that were refused, none of them if all is well. */
export type Hand = (mail: Outgoing) => Promise<readonly Refused[]>;

/** Bring a mail to somebody who answers for it, or keep it; false: neither was possible. Never throws. */
export type Deliver = (mail: Outgoing) => Promise<boolean>;
