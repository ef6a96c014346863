/** The outbox → what waits in it, and what was given up: for people, who do not read envelopes. */
import { toText } from '../system/bytes.ts';
import { find, list, uidOf } from './outbox.ts';
import { lastReason } from './outcome.ts';

/** A mail that waits or was given up. Instants are in ISO 8601. */
export interface Listed {
  readonly id: string;
  readonly state: 'waiting' | 'given up';
  readonly user: string;
  /** Whom it has not reached; the first ones, if they are very many. */
  readonly recipients: readonly string[];
  /** Bytes of the message. */
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

/** How many there are. */
export interface Counts {
  readonly waiting: number;
  readonly failed: number;
}

const STATES = { queue: 'waiting', failed: 'given up' } as const;

/** So many chars of its recipients are told, and so many of what a mailer said. */
const TOLD_RECIPIENTS = 1000;
const TOLD_REASON = 500;
/** Envelopes that are read at the same time. */
const AT_ONCE = 16;

/** Tell of mails, oldest first, of at most so many; a mail that goes meanwhile is left out. */
export async function listMails(
  outbox: string,
  isMeant: (uid: number) => boolean,
  limit: number,
): Promise<Listed[]> {
  const mails: Listed[] = [];
  for (const state of ['queue', 'failed'] as const) {
    const ids = (await list(outbox, state)).filter((id) => isMeant(uidOf(id))).slice(0, limit);
    for (let at = 0; at < ids.length; at += AT_ONCE) {
      const some = ids.slice(at, at + AT_ONCE).map((id) => listed(outbox, state, id));
      mails.push(...(await Promise.all(some)).filter((mail) => mail !== null));
    }
  }
  return mails.toSorted((a, b) => Date.parse(a.since) - Date.parse(b.since)).slice(0, limit);
}

/** Count mails, without a look into them. */
export async function countMails(
  outbox: string,
  isMeant: (uid: number) => boolean,
): Promise<Counts> {
  const count = async (state: keyof typeof STATES): Promise<number> =>
    (await list(outbox, state)).filter((id) => isMeant(uidOf(id))).length;
  return { waiting: await count('queue'), failed: await count('failed') };
}

/** The names of these mails. */
export async function namesOf(
  outbox: string,
  isMeant: (uid: number) => boolean,
): Promise<ReadonlySet<string>> {
  const ids = [...(await list(outbox, 'queue')), ...(await list(outbox, 'failed'))];
  return new Set(ids.filter((id) => isMeant(uidOf(id))));
}

async function listed(
  outbox: string,
  state: keyof typeof STATES,
  id: string,
): Promise<Listed | null> {
  const found = await find(outbox, state, id);
  if ('damage' in found) return null; // the rounds set it aside
  const { envelope } = found;
  const { user, recipients, failed, head, size, created, tries, next, trying } = envelope;
  const missed = [...new Set([...recipients, ...failed.map(({ recipient }) => recipient)])];
  return {
    id,
    state: STATES[state],
    user,
    recipients: first(missed.map(toText)),
    size: head + size,
    since: created,
    tries,
    next: state === 'queue' ? next : null,
    trying,
    reason: lastReason(envelope).slice(0, TOLD_REASON),
  };
}

/** As many as there is room for, and one in any case. */
function first(names: readonly string[]): string[] {
  let room = TOLD_RECIPIENTS;
  return names.filter((name, at) => (room -= name.length) >= 0 || at === 0);
}
