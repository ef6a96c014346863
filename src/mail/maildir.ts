/** A message → a file in a Maildir, which needs no locks: it appears in `new` when it is whole. */
import { randomBytes } from 'node:crypto';
import { constants, mkdirSync, renameSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { errorCode } from '../system/failure.ts';
import { syncDirectory } from './held.ts';

/** Deliver a message to a Maildir, which is made where it is missing, for its user alone. */
export async function deliverToMaildir(
  directory: string,
  message: AsyncIterable<Uint8Array>,
): Promise<void> {
  for (const name of ['', 'tmp', 'new', 'cur']) makeDirectory(join(directory, name));
  const name = uniqueName(new Date());
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
function uniqueName(now: Date): string {
  const seconds = Math.floor(now.getTime() / 1000);
  const host = hostname()
    .replaceAll('/', String.raw`\057`)
    .replaceAll(':', String.raw`\072`);
  const delivery = `M${now.getTime() % 1000}000P${process.pid}R${randomBytes(8).toString('hex')}`;
  return `${seconds}.${delivery}.${host}`;
}
