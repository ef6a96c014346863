/** The outbox on the disk: one directory a state, one directory a mail; all moves of mails between them. */
import { createReadStream, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fromBytes } from '../system/bytes.ts';
import { errorCode, reason } from '../system/failure.ts';
import type { Outgoing } from '../system/outgoing.ts';
import type { User } from '../system/users.ts';
import { type Envelope, readEnvelope, writeEnvelope } from './envelope.ts';

/** What becomes of a mail, by the directory it lies in. */
export const STATES = [
  /** Being written. */
  'new',
  /** Whole, and waiting for its next try. */
  'queue',
  /** Taken care of, and about to be removed. */
  'old',
  /** Given up, and its sender could not be told. */
  'failed',
  /** Not to be understood any more. */
  'damaged',
  /** No mails: how many of whose were not kept. */
  'over',
] as const;

export type State = (typeof STATES)[number];

export const MESSAGE = 'message.eml';
export const ENVELOPE = 'envelope.json';

/** Where mails of a state lie. */
export function placeOf(outbox: string, state: State): string {
  return join(outbox, state);
}

/** Where the message of a mail lies. */
export function messageOf(outbox: string, state: State, id: string): string {
  return join(outbox, state, id, MESSAGE);
}

/** Make the directories, for root alone. */
export function makeOutbox(outbox: string): void {
  for (const state of STATES) mkdirSync(placeOf(outbox, state), { recursive: true, mode: 0o700 });
}

/** The name of a mail in the outbox: whose it is can be told without a look into it. */
export function idOf(uid: number, run: string): string {
  return `${uid}-${run}`;
}

/** Whose a mail is. */
export function uidOf(id: string): number {
  return Number.parseInt(id, 10);
}

/** Names of what lies in a state. */
export async function list(outbox: string, state: State): Promise<string[]> {
  try {
    return await readdir(placeOf(outbox, state));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Runs whose mail waits, or was given up. */
export function runsIn(outbox: string): ReadonlySet<string> {
  const places = [placeOf(outbox, 'queue'), placeOf(outbox, 'failed')].filter((place) =>
    existsSync(place),
  );
  const ids = places.flatMap((place) => readdirSync(place));
  return new Set(ids.map((id) => id.slice(id.indexOf('-') + 1)));
}

/** What was found of a mail. */
export type Found = { readonly envelope: Envelope } | { readonly damage: string };

/** Read a mail's envelope, and see that its message is as long as it was; throws when the disk does not let us. */
export async function find(outbox: string, state: State, id: string): Promise<Found> {
  const place = join(placeOf(outbox, state), id);
  try {
    const envelope = readEnvelope(await readFile(join(place, ENVELOPE), 'utf8'));
    if (idOf(envelope.uid, envelope.run) !== id)
      return { damage: 'the envelope is of another mail' };
    const { size } = await stat(join(place, MESSAGE));
    const expected = envelope.head + envelope.size;
    if (size === expected) return { envelope };
    return { damage: `the message has ${size} bytes and not ${expected}` };
  } catch (error) {
    const code = errorCode(error);
    if (code !== undefined && !['ENOENT', 'ENOTDIR', 'EISDIR'].includes(code)) throw error;
    return { damage: reason(error) };
  }
}

/** Open a mail that waits, to hand it over once more. */
export async function takeUp(
  outbox: string,
  id: string,
  envelope: Envelope,
  user: User,
): Promise<Outgoing> {
  const file = messageOf(outbox, 'queue', id);
  const { run, sender, recipients, printed: size, head: start, submitted } = envelope;
  const head = await readHead(file, start);
  return {
    run,
    user,
    sender,
    recipients,
    head,
    size,
    ...(submitted && { submitted }),
    async *chunks() {
      yield* createReadStream(file, { start }) as AsyncIterable<Buffer>;
    },
  };
}

async function readHead(file: string, length: number): Promise<string> {
  const handle = await open(file);
  try {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length;) {
      const { bytesRead } = await handle.read(bytes, at, length - at, at);
      if (bytesRead === 0) throw new Error(`"${file}" has become shorter`);
      at += bytesRead;
    }
    return fromBytes(bytes);
  } finally {
    await handle.close();
  }
}

/** Replace the envelope of a mail that waits; it is on the disk when this returns. */
export async function record(outbox: string, id: string, envelope: Envelope): Promise<void> {
  const place = join(placeOf(outbox, 'queue'), id);
  const draft = join(place, `${ENVELOPE}.new`);
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(writeEnvelope(envelope));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, join(place, ENVELOPE));
  await sync(place);
}

/** Move a mail to another state, for good when this returns; false: it is not there (any more). */
export async function move(outbox: string, id: string, from: State, to: State): Promise<boolean> {
  const target = join(placeOf(outbox, to), id);
  try {
    await rename(join(placeOf(outbox, from), id), target);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    if (!['ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'EISDIR'].includes(errorCode(error) ?? '')) throw error;
    // What was in its place is older.
    await rm(target, { recursive: true, force: true });
    await rename(join(placeOf(outbox, from), id), target);
  }
  await Promise.all([sync(placeOf(outbox, from)), sync(placeOf(outbox, to))]);
  return true;
}

/** Remove a mail that is taken care of: in one step, and for good when this returns. */
export async function drop(outbox: string, id: string): Promise<void> {
  if (await move(outbox, id, 'queue', 'old')) await clear(outbox, id);
}

/** Remove what lies in `old`. */
export async function clear(outbox: string, id: string): Promise<void> {
  await rm(join(placeOf(outbox, 'old'), id), { recursive: true, force: true });
}

/** Bring the names in a directory to the disk. */
export async function sync(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
