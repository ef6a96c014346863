/** What the configuration says of patience → when a mail is tried again, and when it is given up. */

/** `[mail.outbox]`: how long and how often; in milliseconds. */
export interface Terms {
  /** A mail that waits for so long is given up. */
  readonly keep: number;
  /** Between the first try and the second; the later pauses are multiples of it. */
  readonly firstPause: number;
}

/** Of the first pause: with one of a minute 1, 5, 15, 30 min, 1 h, 2 h, and 4 h from then on. */
const PAUSES = [1, 5, 15, 30, 60, 120, 240];
const LAST = 240;

/** A machine that was off for a week tries some times after it came back; with a first pause of a minute, for an hour. */
const LEAST_TRIES = 6;

/** The pause after that many tries, at least one. */
export function pauseAfter(tries: number, { firstPause }: Terms): number {
  return (PAUSES[tries - 1] ?? LAST) * firstPause;
}

/** Whether a mail of that age has been tried long enough. */
export function isOver(age: number, tries: number, { keep }: Terms): boolean {
  return age >= keep && tries >= LEAST_TRIES;
}

/** The next try: one that is further away than any pause was planned by a clock that was wrong, and is due. */
export function nextTry(next: number, now: number, { firstPause }: Terms): number {
  return next > now + LAST * firstPause ? now : next;
}
