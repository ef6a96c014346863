/** An envelope and what became of a try → the envelope after it. */
import { toText } from '../system/bytes.ts';
import type { Refused } from '../system/outgoing.ts';
import { type Envelope, LOG_LIMIT } from './envelope.ts';
import { isOver, pauseAfter, type Terms } from './terms.ts';

/** Note that a mailer is being given the mail. */
export function beginTry(envelope: Envelope, now: number): Envelope {
  return { ...envelope, trying: new Date(now).toISOString() };
}

/** Count a try, and plan the next one; whoever waits for too long has failed. */
export function endTry(
  envelope: Envelope,
  refused: readonly Refused[],
  now: number,
  terms: Terms,
): Envelope {
  const tries = envelope.tries + 1;
  const over = isOver(now - Date.parse(envelope.created), tries, terms);
  const lasting = refused.filter(({ permanent }) => permanent || over);
  const passing = refused.filter(({ permanent }) => !permanent && !over);
  const [first] = refused;
  const at = new Date(now).toISOString();
  const said = first === undefined ? [] : [{ at, reason: toText(first.reason) }];
  return {
    ...envelope,
    recipients: passing.map(({ recipient }) => recipient),
    failed: [
      ...envelope.failed,
      ...lasting.map((one) => ({ recipient: one.recipient, reason: toText(one.reason) })),
    ],
    tries,
    next: new Date(now + pauseAfter(tries, terms)).toISOString(),
    trying: null,
    log: [...envelope.log, ...said].slice(-LOG_LIMIT),
  };
}

/** Nobody is left to reach, and nobody to tell. */
export function isDone({ recipients, failed }: Envelope): boolean {
  return recipients.length + failed.length === 0;
}

/** What the last try ended with. */
export function lastReason({ log }: Envelope): string {
  return log.at(-1)?.reason ?? 'not tried yet';
}
