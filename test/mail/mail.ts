/** Mails for tests. */
import type { Outgoing } from '../../src/system/outgoing.ts';
import { self } from '../run/started.ts';

const HEAD = 'From: root (Cron Daemon)\nTo: alice\nSubject: Cron <alice@web1> backup\n\n';

/** A mail with that body, of the user who runs the tests. */
export function mailOf(body: Buffer | string, changed: Partial<Outgoing> = {}): Outgoing {
  const bytes = Buffer.from(body);
  return {
    run: 'run-1',
    user: { ...self, home: '/' },
    recipients: ['alice'],
    head: HEAD,
    size: bytes.length,
    async *chunks() {
      for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
    },
    ...changed,
  };
}

/** The bytes of a whole mail. */
export async function bytesOf(mail: Outgoing): Promise<Buffer> {
  const pieces: Uint8Array[] = [Buffer.from(mail.head, 'latin1')];
  for await (const piece of mail.chunks()) pieces.push(piece);
  return Buffer.concat(pieces);
}
