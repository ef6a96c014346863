/** The postman's program: orders on its standard input → mail to a relay, and answers on its standard output. */
import { readCredentials } from '../mail/credentials.ts';
import { Delivery } from '../mail/delivery.ts';
import { lineOf } from '../mail/frames.ts';
import { round } from '../mail/round.ts';
import { trust } from '../mail/trust.ts';

// Signals are for the scheduler, which waits for what is on its way; without it the orders end.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM', 'SIGUSR1'] as const)
  process.on(signal, () => {});
process.stdout.on('error', () => {}); // the scheduler is gone: what is whole goes out all the same

await round(
  process.stdin,
  (answer) => void process.stdout.write(lineOf(answer)),
  (relay) =>
    new Delivery(relay, {
      credentials: relay.credentials === undefined ? null : readCredentials(relay.credentials),
      tls: trust(relay),
    }),
);
process.exit(0);
