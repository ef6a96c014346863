/** A scheduler's orders → deliveries and the answers to it: what a postman does, as a process of its own. */
import type { Refused } from '../system/outgoing.ts';
import type { Letter } from './delivery.ts';
import {
  type Answer,
  FrameReader,
  lengthOf,
  type Order,
  readOrder,
  type RefusedAt,
} from './frames.ts';
import { oneLine } from './trouble.ts';
import type { Relay } from './relay.ts';

/** Who brings letters to a relay. */
export interface Courier {
  deliver(letter: Letter): Promise<readonly Refused[]>;
  close(): Promise<void>;
}

/**
 * Do what is ordered until the orders end, and what is whole by then.
 * @param open makes the courier; what it throws is why no mail can be delivered
 */
export async function round(
  orders: AsyncIterable<Uint8Array>,
  say: (answer: Answer) => void,
  open: (relay: Relay) => Courier,
): Promise<void> {
  let courier: Courier = closed('no relay was named');
  const bodies = new Map<number, Body>();
  const deliveries = new Set<Promise<void>>();

  const deliver = async (
    { mail, run, sender, recipients, size }: Extract<Order, { readonly mail: number }>,
    head: string,
  ): Promise<void> => {
    const body = new Body(() => say({ more: mail }));
    bodies.set(mail, body);
    const chunks = (): AsyncIterable<Uint8Array> => body.chunks();
    const refused = await courier.deliver({ run, sender, recipients, size, head, chunks });
    bodies.delete(mail);
    say({ done: mail, refused: refused.map((each) => placed(each, recipients)) });
  };

  const reader = new FrameReader((line, bytes) => {
    const order = readOrder(line);
    if ('relay' in order) {
      courier = opened(order.relay, open);
    } else if ('mail' in order) {
      const delivery = deliver(order, Buffer.from(bytes).toString('latin1'));
      deliveries.add(delivery);
      void delivery.finally(() => deliveries.delete(delivery)); // couriers never throw
    } else if ('piece' in order) {
      bodies.get(order.piece)?.give(bytes);
    } else if ('whole' in order) {
      bodies.get(order.whole)?.give(null);
    } else {
      bodies.get(order.broken)?.break();
    }
  }, lengthOf);

  for await (const chunk of orders) reader.push(chunk);
  for (const body of bodies.values()) body.break();
  await Promise.all(deliveries);
  await courier.close();
}

function opened(relay: Relay, open: (relay: Relay) => Courier): Courier {
  try {
    return open(relay);
  } catch (error) {
    return closed(oneLine(error instanceof Error ? error.message : String(error)));
  }
}

/** Nobody can deliver anything. */
function closed(reason: string): Courier {
  return {
    deliver: ({ recipients }) =>
      Promise.resolve(recipients.map((recipient) => ({ recipient, reason, permanent: false }))),
    close: () => Promise.resolve(),
  };
}

function placed({ recipient, reason, permanent }: Refused, all: readonly string[]): RefusedAt {
  return { at: all.indexOf(recipient), reason, permanent };
}

/** A mail's body, which comes piece by piece as it is asked for: what nobody takes never comes. */
class Body {
  readonly #ask: () => void;
  #wanted: { take(piece: Uint8Array | null): void; fail(error: Error): void } | null = null;
  #broken = false;

  constructor(ask: () => void) {
    this.#ask = ask;
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const piece = await new Promise<Uint8Array | null>((take, fail) => {
        this.#wanted = { take, fail };
        if (this.#broken) this.break();
        else this.#ask();
      });
      if (piece === null) return;
      yield piece;
    }
  }

  /** The piece that was asked for; null: there is no more. */
  give(piece: Uint8Array | null): void {
    this.#wanted?.take(piece);
    this.#wanted = null;
  }

  /** There is more, and it will never come. */
  break(): void {
    this.#broken = true;
    this.#wanted?.fail(new Error('the rest of the message cannot be read'));
    this.#wanted = null;
  }
}
