/** The historian's program: the scheduler's inquiries → the history, and answers; it ends when its scheduler hangs up. */
import { setPriority } from 'node:os';
import type { Historian, HistoryPlace, Inquiry, Told } from '../history/historian.ts';
import { reason } from '../system/failure.ts';

/** From the scheduler: first where the history is. */
export type Order =
  | { readonly place: HistoryPlace }
  | { readonly number: number; readonly inquiry: Inquiry };

/** To the scheduler. */
export type Reply = { readonly number: number } & (
  | { readonly told: Told }
  | { readonly failed: string }
);

setPriority(10); // jobs come first
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {}); // meant for the scheduler
process.on('disconnect', () => process.exit(0)); // heard of between two orders: none is left half done

let historian: Promise<Historian> | null = null;
process.on('message', (order: Order) => {
  if ('place' in order) historian = open(order.place);
  else void answer(order.number, order.inquiry); // never throws
});

/** SQLite may not be there for this machine: that is an answer, and no death. */
async function open(place: HistoryPlace): Promise<Historian> {
  const history = await import('../history/historian.ts');
  return new history.Historian(place);
}

async function answer(number: number, inquiry: Inquiry): Promise<void> {
  try {
    const told = (await historian)?.answer(inquiry) ?? {};
    reply({ number, told });
  } catch (error) {
    reply({ number, failed: reason(error) });
  }
}

function reply(answered: Reply): void {
  process.send?.(answered, () => {}); // a scheduler that has died hears nothing
}
