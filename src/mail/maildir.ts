/** A message → a file in a Maildir, which needs no locks: it appears in `new` when it is whole. */
import { createHash, randomBytes } from 'node:crypto';
import { constants, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { errorCode } from '../system/failure.ts';
import { type Copy, identified } from './again.ts';
import { syncDirectory } from './held.ts';

/** Mail readers move a mail to `cur`, and put what they know of it behind its name. */
const HOMES = ['new', 'cur'] as const;

/**
 * Deliver a message to a Maildir, which is made where it is missing, for its user alone.
 * @param copy the same message: its name is made from it, and a mail of that name is not delivered again
 */
export async function deliverToMaildir(
  directory: string,
  message: AsyncIterable<Uint8Array>,
  copy: Copy | null = null,
): Promise<void> {
  for (const name of ['', 'tmp', 'new', 'cur']) makeDirectory(join(directory, name));
  const mark =
    copy === null || identified(copy) === null ? randomBytes(16).toString('hex') : digest(copy);
  const isThere = HOMES.some((home) =>
    readdirSync(join(directory, home)).some((name) => name.includes(`R${mark}.`)),
  );
  if (isThere) {
    for await (const _ of message); // read, as a sign that it was taken
    for (const home of HOMES) syncDirectory(join(directory, home));
    return;
  }
  const name = uniqueName(new Date(), mark);
  const draft = join(directory, 'tmp', name);
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const file = await open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    let size = 0;
    for await (const chunk of message) {
      await file.writeFile(chunk);
      size += chunk.length;
    }
    if (size === 0) throw new Error('there is no message');
    await file.sync();
    renameSync(draft, join(directory, 'new', name));
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  syncDirectory(join(directory, 'new'));
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
}

/** A name that no other delivery has: when, by whom, where (https://cr.yp.to/proto/maildir.html). */
function uniqueName(now: Date, mark: string): string {
  const seconds = Math.floor(now.getTime() / 1000);
  const host = hostname()
    .replaceAll('/', String.raw`\057`)
    .replaceAll(':', String.raw`\072`);
  const delivery = `M${now.getTime() % 1000}000P${process.pid}R${mark}`;
  return `${seconds}.${delivery}.${host}`;
}

/** Two messages differ in this, but for one that is delivered again. */
function digest(copy: Copy): string {
  const hash = createHash('sha256');
  for (let at = 0; at < copy.size; at += PIECE) hash.update(copy.read(at, PIECE));
  return hash.digest('hex').slice(0, 32);
}

const PIECE = 1024 * 1024;
