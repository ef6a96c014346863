/** How much a user's mails take in the outbox → whether there is room for one more. */
import { stat } from 'node:fs/promises';
import { errorCode } from '../system/failure.ts';
import { list, messageOf, uidOf } from './outbox.ts';

/** `[mail.outbox]`: what one user's mails may take. */
export interface Limits {
  readonly mails: number;
  readonly bytes: number;
}

/** How long a count is believed, in milliseconds: mails leave the outbox, and other runners fill it. */
const BELIEVED = 5000;

interface Count {
  readonly since: number;
  mails: number;
  bytes: number;
}

/** The outbox by users. What several processes post at the same moment may exceed a limit by a little. */
export class Room {
  readonly #outbox: string;
  readonly #limits: Limits;
  /** Of counts, for one takes time and several may be wanted at once. */
  readonly #counts = new Map<number, { since: number; count: Promise<Count> }>();

  constructor(outbox: string, limits: Limits) {
    this.#outbox = outbox;
    this.#limits = limits;
  }

  /** Take room for a mail. Null: it is taken; or else a sentence that says why not. */
  async take(uid: number, size: number): Promise<string | null> {
    const { mails, bytes } = this.#limits;
    const count = await this.#count(uid);
    if (count.mails + 1 > mails) return `${count.mails} mails wait already, ${mails} may`;
    if (count.bytes + size > bytes)
      return `mails of ${count.bytes} bytes wait already, of ${bytes} may`;
    count.mails++;
    count.bytes += size;
    return null;
  }

  /** Whether more than half of a user's room is free: a flood is over. */
  async hasPlenty(uid: number): Promise<boolean> {
    const { mails, bytes } = await this.#count(uid);
    return mails * 2 <= this.#limits.mails && bytes * 2 <= this.#limits.bytes;
  }

  #count(uid: number): Promise<Count> {
    const now = performance.now();
    for (const [other, { since }] of this.#counts)
      if (now - since > BELIEVED) this.#counts.delete(other);
    const known = this.#counts.get(uid) ?? { since: now, count: this.#look(uid) };
    this.#counts.set(uid, known);
    return known.count;
  }

  async #look(uid: number): Promise<Count> {
    const count = { since: performance.now(), mails: 0, bytes: 0 };
    for (const state of ['queue', 'failed'] as const)
      for (const id of await list(this.#outbox, state)) {
        if (uidOf(id) !== uid) continue;
        count.mails++;
        count.bytes += await sizeOf(messageOf(this.#outbox, state, id));
      }
    return count;
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return 0; // delivered meanwhile
    throw error;
  }
}
