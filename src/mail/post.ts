/** A mail that nobody has taken → the outbox: whole or not at all, and on the disk. */
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toBytes, toText } from '../system/bytes.ts';
import { errorCode } from '../system/failure.ts';
import type { Outgoing, Refused } from '../system/outgoing.ts';
import { type Envelope, writeEnvelope } from './envelope.ts';
import { ENVELOPE, idOf, MESSAGE, placeOf, sync } from './outbox.ts';

/** What is to be known of a mail besides. */
export interface Posting {
  /** Whom it did not reach; null: nobody has tried. */
  readonly refused: readonly Refused[] | null;
  readonly now: number;
  /** When to try next. */
  readonly next: number;
}

/**
 * Put a mail into the queue. One of the same run that is there already stays as it is.
 * @returns where the message lies
 */
export async function post(outbox: string, mail: Outgoing, posting: Posting): Promise<string> {
  const id = idOf(mail.user.uid, mail.run);
  const place = join(placeOf(outbox, 'queue'), id);
  // The pid: who may be writing to it is seen by whoever tidies up.
  const draft = join(placeOf(outbox, 'new'), `${id}.${process.pid}`);
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true, mode: 0o700 });
  try {
    const size = await writeMessage(join(draft, MESSAGE), mail);
    const envelope = writeEnvelope(envelopeOf(mail, size, posting));
    await writeFile(join(draft, ENVELOPE), envelope, { mode: 0o600, flush: true });
    await sync(draft);
    await mkdir(placeOf(outbox, 'queue'), { recursive: true, mode: 0o700 });
    await rename(draft, place);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (errorCode(error) !== 'ENOTEMPTY' && errorCode(error) !== 'EEXIST') throw error;
  }
  await sync(placeOf(outbox, 'queue'));
  return join(place, MESSAGE);
}

/** Write head and body; returns the bytes of the body. */
async function writeMessage(file: string, mail: Outgoing): Promise<number> {
  let size = 0;
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(toBytes(mail.head));
    for await (const chunk of mail.chunks()) {
      await handle.writeFile(chunk);
      size += chunk.length;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return size;
}

function envelopeOf(mail: Outgoing, size: number, { refused, now, next }: Posting): Envelope {
  const at = new Date(now).toISOString();
  const left = refused ?? [];
  const passing = left.filter(({ permanent }) => !permanent).map(({ recipient }) => recipient);
  const lasting = left.filter(({ permanent }) => permanent);
  const [first] = left;
  return {
    version: 1,
    run: mail.run,
    user: mail.user.name,
    uid: mail.user.uid,
    sender: mail.sender,
    recipients: refused === null ? mail.recipients : passing,
    failed: lasting.map((one) => ({ recipient: one.recipient, reason: toText(one.reason) })),
    head: mail.head.length,
    size,
    printed: mail.size,
    created: at,
    tries: refused === null ? 0 : 1,
    next: new Date(next).toISOString(),
    trying: null,
    ...(mail.submitted && { submitted: true }),
    log: first === undefined ? [] : [{ at, reason: toText(first.reason) }],
  };
}
