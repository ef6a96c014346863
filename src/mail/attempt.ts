/** A mail whose time has come → handed over, and the outcome on the disk before anything else; or given up, and its owner told. */
import { existsSync } from 'node:fs';
import { reason } from '../system/failure.ts';
import type { Hand, Outgoing, Refused } from '../system/outgoing.ts';
import type { Log } from '../system/sink.ts';
import type { LaterMail } from '../system/record.ts';
import type { User, Users } from '../system/users.ts';
import { bounce, leftOut } from './bounce.ts';
import { type Envelope, LOG_LIMIT } from './envelope.ts';
import { drop, find, messageOf, move, record, takeUp } from './outbox.ts';
import { beginTry, endTry, isDone, lastReason } from './outcome.ts';
import { refusedBy } from './refused.ts';
import { isOver, type Terms } from './terms.ts';

/** What attempts are made with. */
export interface AttemptTools {
  readonly outbox: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The way that the configuration says. */
  readonly hand: Hand;
  /** Into the mailbox of the mail's own user. */
  readonly deposit: Hand;
  readonly users: Users;
  readonly log: Log;
  readonly terms: Terms;
  /** Called with what became of the mail of a job. */
  readonly onLater?: (run: string, mail: LaterMail) => void;
}

/** Makes attempts, and remembers what a full disk would not take. */
export class Attempts {
  readonly #tools: AttemptTools;
  /** What became of mails and is not on the disk yet; null: they are taken care of, and never to be tried again. */
  readonly #held = new Map<string, Envelope | null>();
  readonly #writing = new Map<string, Promise<void>>();
  /** Of which the log says already that they cannot be written. */
  readonly #troubled = new Set<string>();

  constructor(tools: AttemptTools) {
    this.#tools = tools;
  }

  /** Whether a mail that still lies there is taken care of. */
  isDone(id: string): boolean {
    return this.#held.get(id) === null;
  }

  /** Write what could not be written before. */
  async writeHeld(): Promise<void> {
    for (const id of this.#held.keys()) await this.#write(id);
  }

  /** Hand a mail over. Returns when to try it next; null: it has left the queue. */
  async make(id: string): Promise<number | null> {
    const { outbox, now, terms } = this.#tools;
    let envelope = this.#held.get(id) ?? null;
    if (envelope === null) {
      const found = await find(outbox, 'queue', id);
      if ('damage' in found) return null; // the next look sets it aside
      envelope = found.envelope;
    }
    const begun = beginTry(envelope, now());
    await this.#keep(id, begun);
    const user = await this.#userOf(envelope);
    const refused = envelope.recipients.length === 0 ? [] : await this.#hand(id, begun, user);
    const after = endTry(envelope, refused, now(), terms);
    if (isDone(after)) {
      await this.#keep(id, null);
      this.#later(after, 'sent');
      this.#say(after, `${id} was delivered at try ${after.tries}`, 'info');
      return null;
    }
    const tells = after.failed.length > 0;
    await this.#keep(id, tells ? beginTry(after, now()) : after);
    if (refused.length > 0) this.#say(after, this.#notDelivered(id, after));
    const left = tells ? await this.#tell(id, after, user) : after;
    return left === null ? null : Date.parse(left.next);
  }

  /** Somebody died while a mailer had it, and nobody knows whether it was taken. */
  async mayBeTwice(id: string, envelope: Envelope): Promise<Envelope> {
    const since = `since ${envelope.trying}`;
    this.#say(envelope, `${id} may be sent twice: cron ended while it was handed over, ${since}`);
    const at = new Date(this.#tools.now()).toISOString();
    const said = {
      at,
      reason: `cron ended while it was handed over, ${since}; it may be sent twice`,
    };
    const log = [...envelope.log, said].slice(-LOG_LIMIT);
    const known = { ...envelope, trying: null, next: at, log };
    await this.#keep(id, known);
    return known;
  }

  /** Begin anew with a mail that was given up. */
  async revive(id: string): Promise<void> {
    const { outbox, now } = this.#tools;
    if (!(await move(outbox, id, 'failed', 'queue'))) return;
    const found = await find(outbox, 'queue', id);
    if ('damage' in found) return;
    const { envelope } = found;
    const at = new Date(now()).toISOString();
    const again = envelope.failed.map(({ recipient }) => recipient);
    const recipients = [...new Set([...envelope.recipients, ...again])];
    this.#later(envelope, 'outbox');
    await this.#keep(id, { ...envelope, recipients, failed: [], created: at, next: at, tries: 0 });
  }

  /** The user, unless somebody else has that name now: the mail is none of theirs. */
  async #userOf({ user: name, uid }: Envelope): Promise<User | string> {
    try {
      const user = await this.#tools.users.find(name);
      if (user === null) return `there is no user "${name}" any more`;
      return user.uid === uid
        ? user
        : `user "${name}" is another one now: uid ${user.uid}, not ${uid}`;
    } catch (error) {
      return reason(error);
    }
  }

  async #hand(id: string, envelope: Envelope, user: User | string): Promise<readonly Refused[]> {
    const all = (trouble: string): Refused[] =>
      envelope.recipients.map((recipient) => ({ recipient, reason: trouble, permanent: false }));
    if (typeof user === 'string') return all(user);
    let mail: Outgoing;
    try {
      mail = await takeUp(this.#tools.outbox, id, envelope, user);
    } catch (error) {
      return all(reason(error));
    }
    return refusedBy(this.#tools.hand, mail);
  }

  /** Tell the owner who will not be reached. Null: the mail has left the queue. */
  async #tell(id: string, envelope: Envelope, user: User | string): Promise<Envelope | null> {
    const { now, terms } = this.#tools;
    const told: Envelope = { ...envelope, failed: [] };
    if (envelope.sender === '') {
      this.#later(envelope, 'given-up');
      this.#say(envelope, `${id} is given up, and nobody is told of it (${lastReason(envelope)})`);
      return this.#settle(id, envelope, told, true);
    }
    const { trouble, permanent, whole } = await this.#bounce(id, envelope, user);
    if (trouble === null) {
      this.#later(envelope, 'returned');
      const names = envelope.failed.map(({ recipient }) => recipient).join(', ');
      this.#say(envelope, `${id} is given up for ${names}: its owner was told in the mailbox`);
      return this.#settle(id, envelope, told, !whole);
    }
    const age = now() - Date.parse(envelope.created);
    const over = permanent || isOver(age, envelope.tries, { ...terms, keep: 2 * terms.keep });
    const detail = `${id} is given up, and its owner could not be told: ${trouble}`;
    this.#say(envelope, over ? detail : `${detail}; next try ${envelope.next}`);
    if (over) {
      this.#later(envelope, 'given-up');
      return this.#settle(id, envelope, told, true);
    }
    await this.#keep(id, envelope);
    return envelope;
  }

  /** End with those who failed; the others go on. */
  async #settle(
    id: string,
    envelope: Envelope,
    told: Envelope,
    isKept: boolean,
  ): Promise<Envelope | null> {
    if (told.recipients.length > 0) {
      await this.#keep(id, told);
      return told;
    }
    if (!isKept) {
      await this.#keep(id, null);
      return null;
    }
    const { outbox } = this.#tools;
    await this.#keep(id, { ...envelope, trying: null });
    await move(outbox, id, 'queue', 'failed');
    this.#say(envelope, `it stays in ${messageOf(outbox, 'failed', id)}`);
    return null;
  }

  async #bounce(
    id: string,
    envelope: Envelope,
    user: User | string,
  ): Promise<{ trouble: string | null; permanent: boolean; whole: boolean }> {
    if (typeof user === 'string') return { trouble: user, permanent: false, whole: true };
    const { outbox, deposit, now } = this.#tools;
    try {
      const mail = await takeUp(outbox, id, envelope, user);
      const letter = bounce(mail, envelope, messageOf(outbox, 'failed', id), now());
      const [first] = await refusedBy(deposit, letter);
      const { reason: trouble = null, permanent = false } = first ?? {};
      return { trouble, permanent, whole: leftOut(envelope) === 0 };
    } catch (error) {
      return { trouble: reason(error), permanent: false, whole: true };
    }
  }

  #notDelivered(id: string, envelope: Envelope): string {
    const then = envelope.recipients.length > 0 ? `next try ${envelope.next}` : 'given up';
    return `${id} was not delivered at try ${envelope.tries} (${lastReason(envelope)}); ${then}`;
  }

  /** Bring to the disk what became of a mail; what it does not take is remembered as long as we live. */
  async #keep(id: string, envelope: Envelope | null): Promise<void> {
    this.#held.set(id, envelope);
    await this.#write(id);
  }

  /** Write what is held of a mail, one time after the other: the latest stays. */
  async #write(id: string): Promise<void> {
    const writing = (this.#writing.get(id) ?? Promise.resolve()).then(() => this.#writeNow(id));
    this.#writing.set(id, writing);
    await writing;
    if (this.#writing.get(id) === writing) this.#writing.delete(id);
  }

  async #writeNow(id: string): Promise<void> {
    const { outbox, log } = this.#tools;
    const envelope = this.#held.get(id);
    if (envelope === undefined) return;
    try {
      if (envelope === null) await drop(outbox, id);
      else await record(outbox, id, envelope);
      if (this.#held.get(id) === envelope) this.#held.delete(id);
      this.#troubled.delete(id);
    } catch (error) {
      // Somebody has removed it: there is nothing left to write about.
      if (!existsSync(messageOf(outbox, 'queue', id))) this.#held.delete(id);
      if (!this.#held.has(id) || this.#troubled.has(id)) return;
      this.#troubled.add(id);
      const detail = `cannot write what became of mail ${id}: ${reason(error)}`;
      log('CRON', 'ERROR', detail, { level: 'error' });
    }
  }

  #later({ run, submitted }: Envelope, fate: LaterMail['fate']): void {
    if (submitted === undefined) this.#tools.onLater?.(run, { fate, at: this.#tools.now() });
  }

  #say({ user, run }: Envelope, detail: string, level: 'info' | 'error' = 'error'): void {
    this.#tools.log(user, 'MAIL', detail, { level, tag: 'CRON', about: { user, run } });
  }
}
