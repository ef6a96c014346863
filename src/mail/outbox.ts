/** Mails that could not be handed on, kept as files until somebody takes care of them. */
import {
  createWriteStream,
  fsyncSync,
  mkdirSync,
  openSync,
  closeSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { toBytes, toText } from '../system/bytes.ts';
import type { Outgoing, Refused } from '../system/outgoing.ts';

/** Beside the message: to whom it was to go, as whom, and why it did not. */
interface Envelope {
  readonly run: string;
  readonly user: string;
  readonly recipients: readonly string[];
  readonly reason: string;
  readonly at: string;
}

/**
 * Keep a mail: `RUN/message.eml` and `RUN/envelope.json` under the outbox, for root alone. The
 * directory appears whole, after its contents are on the disk.
 * @returns where the message lies
 */
export async function keep(
  outbox: string,
  mail: Outgoing,
  refused: readonly Refused[],
): Promise<string> {
  const place = join(outbox, mail.run);
  const draft = `${place}.draft`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  const envelope: Envelope = {
    run: mail.run,
    user: mail.user.name,
    recipients: refused.map(({ recipient }) => recipient),
    reason: toText(refused[0]?.reason ?? ''),
    at: new Date().toISOString(),
  };
  const message = createWriteStream(join(draft, 'message.eml'), { mode: 0o600, flush: true });
  await pipeline(async function* () {
    yield toBytes(mail.head);
    yield* mail.chunks();
  }, message);
  const options = { mode: 0o600, flush: true } as const;
  writeFileSync(join(draft, 'envelope.json'), `${JSON.stringify(envelope, null, 2)}\n`, options);
  rmSync(place, { recursive: true, force: true });
  renameSync(draft, place);
  const directory = openSync(outbox, 'r');
  fsyncSync(directory);
  closeSync(directory);
  return join(place, 'message.eml');
}
