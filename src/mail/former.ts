/** Mails as the outbox had them before it had states → its queue. */
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromText } from '../system/bytes.ts';
import { reason } from '../system/failure.ts';
import type { Log } from '../system/sink.ts';
import type { Users } from '../system/users.ts';
import { writeEnvelope } from './envelope.ts';
import { ENVELOPE, idOf, MESSAGE, placeOf, STATES, sync } from './outbox.ts';

/** A draft that nobody has touched for so long has no writer any more, in milliseconds. */
const ABANDONED = 86_400_000;

/**
 * Take over `RUN/message.eml` and `RUN/envelope.json` from the outbox itself; what cannot be
 * understood is set aside.
 */
export async function takeOver(outbox: string, users: Users, now: number, log: Log): Promise<void> {
  const states = new Set<string>(STATES);
  // With a dot: large messages on their way to a mailer, which lose their names at once.
  const former = (await readdir(outbox)).filter(
    (name) => !states.has(name) && !name.startsWith('.'),
  );
  if (former.length === 0) return;
  for (const name of former) {
    const place = join(outbox, name);
    if (name.endsWith('.draft')) {
      // A runner of before may be writing it; one that is dead is reported.
      if (now - (await stat(place)).mtimeMs > ABANDONED)
        await rm(place, { recursive: true, force: true });
      continue;
    }
    try {
      const id = await renew(place, users, now);
      await rename(place, join(placeOf(outbox, 'queue'), id));
    } catch (error) {
      const aside = join(placeOf(outbox, 'damaged'), name);
      await rename(place, aside);
      const detail = `${aside} is set aside: ${reason(error)}`;
      log('CRON', 'MAIL', detail, { level: 'error' });
    }
  }
  await sync(placeOf(outbox, 'queue'));
  await sync(outbox);
}

/** Write the envelope anew; returns the mail's name in the queue. */
async function renew(place: string, users: Users, now: number): Promise<string> {
  const found: Readonly<Record<string, unknown>> = JSON.parse(
    await readFile(join(place, ENVELOPE), 'utf8'),
  );
  if ('version' in found) return idOf(Number(found['uid']), String(found['run'])); // we died here
  const { run, user: name, recipients, reason: why, at } = found;
  if (typeof run !== 'string' || typeof name !== 'string' || !Array.isArray(recipients))
    throw new Error('its envelope is damaged');
  const user = await users.find(name);
  if (user === null) throw new Error(`there is no user "${name}"`);
  const message = await readFile(join(place, MESSAGE));
  const end = message.indexOf('\n\n');
  if (end === -1) throw new Error('its message has no head');
  const since = typeof at === 'string' && !Number.isNaN(Date.parse(at)) ? at : iso(now);
  const text = writeEnvelope({
    version: 1,
    run,
    user: name,
    uid: user.uid,
    sender: fromText(name),
    recipients: recipients.map((recipient) => String(recipient)),
    failed: [],
    head: end + 2,
    size: message.length - end - 2,
    printed: message.length - end - 2,
    // It was never tried again: its time begins now.
    created: iso(now),
    tries: 1,
    next: iso(now),
    trying: null,
    log: [{ at: since, reason: String(why) }],
  });
  await writeFile(join(place, ENVELOPE), text, { mode: 0o600, flush: true });
  return idOf(user.uid, run);
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
