/** Mails that were not kept because their user has too many there → their number, and the mail that tells it. */
import { appendFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../system/failure.ts';
import type { Outgoing } from '../system/outgoing.ts';
import type { User, Users } from '../system/users.ts';
import { bodyOf, writeNote } from './note.ts';
import { list, placeOf, sync } from './outbox.ts';

/** Being told: what comes meanwhile is counted anew. */
const TAKEN = '.taken';

/** One of a user's mails was not kept: a line that says since when, then a byte for each. */
export async function countOver(outbox: string, user: User, now: number): Promise<void> {
  const file = join(placeOf(outbox, 'over'), String(user.uid));
  const first = { name: user.name, since: new Date(now).toISOString() };
  try {
    await writeFile(file, `${JSON.stringify(first)}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  await appendFile(file, '.', { mode: 0o600 });
}

/** Uids of users who have lost mails and were not told yet. */
export async function usersOver(outbox: string): Promise<number[]> {
  const names = await list(outbox, 'over');
  return [...new Set(names.map((name) => Number.parseInt(name, 10)))].filter(Number.isInteger);
}

/**
 * Tell a user; the count goes when the mail is posted.
 * @param send puts the notice into the queue; posting one a second time does no harm
 */
export async function tellOver(
  outbox: string,
  uid: number,
  users: Users,
  now: number,
  send: (notice: Outgoing) => Promise<unknown>,
): Promise<void> {
  const file = join(placeOf(outbox, 'over'), String(uid));
  const taken = `${file}${TAKEN}`;
  const text =
    (await contents(taken)) ?? ((await take(file, taken)) ? await contents(taken) : null);
  if (text === null) return;
  const { name, since, count } = read(text);
  const user = name === null ? null : await users.find(name);
  if (user?.uid === uid) await send(notice(user, since, count, now));
  await rm(taken);
}

async function take(file: string, taken: string): Promise<boolean> {
  try {
    await rename(file, taken);
    await sync(join(file, '..'));
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

async function contents(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** A crash may have cut the first line short; the number stays. */
function read(text: string): { name: string | null; since: string; count: number } {
  const end = text.indexOf('\n');
  const count = text.length - end - 1;
  try {
    const { name, since }: { name?: unknown; since?: unknown } = JSON.parse(text.slice(0, end));
    if (typeof name === 'string' && typeof since === 'string') return { name, since, count };
  } catch {
    // As if it were not there.
  }
  return { name: null, since: '', count };
}

function notice(user: User, since: string, count: number, now: number): Outgoing {
  const mails = count === 1 ? 'A mail of yours was' : `${count} mails of yours were`;
  return writeNote({
    run: `not-kept-${Date.parse(since)}`,
    user,
    subject: `Cron: ${mails} not kept`,
    now,
    body: bodyOf([
      `${mails} not kept, from ${since} on. They could not be delivered, and too many waited`,
      'already. The log says which jobs they were of.',
    ]),
  });
}
