/** A mail that nobody has taken → the outbox, if there is room for it; the runner's side. */
import { setTimeout as pause } from 'node:timers/promises';
import { toText } from '../system/bytes.ts';
import { reason } from '../system/failure.ts';
import type { Outgoing, Refused } from '../system/outgoing.ts';
import type { MailFate } from '../system/record.ts';
import type { Log } from '../system/sink.ts';
import { countOver } from './over.ts';
import { post } from './post.ts';
import { type Limits, Room } from './room.ts';
import { pauseAfter, type Terms } from './terms.ts';

/** What it takes to keep mails. */
export interface KeepTools {
  readonly outbox: string;
  readonly limits: Limits;
  readonly terms: Terms;
  readonly log: Log;
  /** Tell the scheduler that there is a mail more. */
  readonly onPosted: () => void;
  /** Told of the run whose mail is with them now, or with nobody. */
  readonly onFate?: (run: string, fate: MailFate) => void;
  /** Our process is to end: no waiting for a disk that is full. */
  readonly leaving: AbortSignal;
  /** How long to wait for it, one time after the other, in milliseconds. */
  readonly pauses?: readonly number[];
}

/** Keep a mail; false: it could not be written. Never throws. */
export type Keep = (mail: Outgoing, refused: readonly Refused[] | null) => Promise<boolean>;

/** For an hour and a half: a full disk is noticed, and somebody makes room. */
const PAUSES = [1000, 5000, 15_000, ...Array.from({ length: 90 }, () => 60_000)];
/** So many mails wait for a disk at most; those beyond stay open in the journal at once. */
const WAITING_LIMIT = 1000;

/** Begin to keep mails. */
export function keeper(tools: KeepTools): Keep {
  const { outbox, limits, terms, log, leaving, onPosted, onFate, pauses = PAUSES } = tools;
  const room = new Room(outbox, limits);
  let waiting = 0;
  return async (mail, refused) => {
    const trouble = toText(refused?.[0]?.reason ?? 'it was not tried');
    const how = { ...ERROR, about: { user: mail.user.name, run: mail.run } };
    const say = (detail: string): void => log(mail.user.name, 'MAIL', detail, how);
    const attempt = async (): Promise<void> => {
      const full = await room.take(mail.user.uid, mail.head.length + mail.size);
      const now = Date.now();
      if (full !== null) {
        await countOver(outbox, mail.user, now);
        onFate?.(mail.run, 'dropped');
        return say(`not delivered (${trouble}), and not kept: ${full}`);
      }
      const waits = refused !== null && refused.some(({ permanent }) => !permanent);
      const next = waits ? now + pauseAfter(1, terms) : now;
      const file = await post(outbox, mail, { refused, now, next });
      if (refused !== null) say(`not delivered (${trouble}), kept in ${file}`);
      onFate?.(mail.run, 'outbox');
      onPosted();
    };
    for (let round = 0; ; round++)
      try {
        await attempt();
        return true;
      } catch (error) {
        if (round === 0) say(`not delivered (${trouble}), and not kept either: ${reason(error)}`);
        const ms = pauses[round];
        if (ms === undefined || leaving.aborted || waiting >= WAITING_LIMIT) return false;
        waiting++;
        await pause(ms, undefined, { signal: leaving }).catch(() => {}); // then once more, at once
        waiting--;
      }
  };
}

const ERROR = { level: 'error', tag: 'CRON' } as const;
