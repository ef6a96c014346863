/** Parcels that users hand in → the outbox: each is on the disk before its sender hears that it was taken. */
import { randomUUID } from 'node:crypto';
import { findUser } from './deposit.ts';
import { idOf } from './outbox.ts';
import { type Label, type Parts, unpackLabel } from './parcel.ts';
import { post } from './post.ts';
import { type Limits, Room } from './room.ts';
import type { User, Users } from '../system/users.ts';

/** What a reception works with. */
export interface ReceptionTools {
  readonly outbox: string;
  readonly limits: Limits;
  readonly users: Users;
  /** Uid of this process: without root it can deposit for nobody else. */
  readonly self: number;
  /** Whether there is nothing but mailboxes for these mails at this moment. */
  readonly staysHere: () => boolean;
  /** Tell the rounds that there is a mail more. */
  readonly onPosted: () => void;
}

/** What became of a parcel. */
export type Received =
  | {
      readonly taken: true;
      /** Its name in the outbox; null: none of the recipients exists. */
      readonly id: string | null;
      /** Recipients who do not exist, by their places. */
      readonly unknown: readonly number[];
    }
  | { readonly taken: false; readonly why: 'full' | 'garbled'; readonly message: string };

/** Takes parcels. */
export class Reception {
  readonly #tools: ReceptionTools;
  readonly #room: Room;

  constructor(tools: ReceptionTools) {
    this.#tools = tools;
    this.#room = new Room(tools.outbox, tools.limits);
  }

  /** Take a parcel of so many bytes; throws when it cannot be written. */
  async take(
    user: User,
    parts: Parts,
    length: number,
    pieces: AsyncIterable<Buffer>,
  ): Promise<Received> {
    const { outbox, onPosted } = this.#tools;
    const source = pieces[Symbol.asyncIterator]();
    const unpacked = await unpackLabel(parts, source);
    if (typeof unpacked === 'string') return { taken: false, why: 'garbled', message: unpacked };
    const { label, rest } = unpacked;
    const unknown = await this.#unknown(label);
    const recipients = label.recipients.filter((_, at) => !unknown.includes(at));
    if (recipients.length === 0) return { taken: true, id: null, unknown };
    const full = await this.#room.take(user.uid, length);
    if (full !== null) return { taken: false, why: 'full', message: full };
    const run = randomUUID();
    const now = Date.now();
    const size = length - parts.envelope - parts.head;
    const mail = { ...label, recipients, run, user, size, submitted: true } as const;
    // Once is enough: a parcel that breaks off is refused.
    const chunks = (): AsyncIterable<Buffer> => remaining(rest, source);
    await post(outbox, { ...mail, chunks }, { refused: null, now, next: now });
    onPosted();
    return { taken: true, id: idOf(user.uid, run), unknown };
  }

  /** Find those whom no mailbox is for, where there is no other way. */
  async #unknown({ recipients }: Label): Promise<readonly number[]> {
    const { staysHere, self, users } = this.#tools;
    if (!staysHere()) return [];
    const found = await Promise.all(recipients.map((one) => findUser(one, { self }, { users })));
    return found.flatMap((user, at) => (user === null ? [at] : []));
  }
}

async function* remaining(rest: Buffer, source: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (rest.length > 0) yield rest;
  for (let next = await source.next(); next.done !== true; next = await source.next())
    yield next.value;
}
