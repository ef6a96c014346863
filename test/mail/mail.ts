/** Mails for tests. */
import assert from 'node:assert/strict';
import type { Outgoing } from '../../src/system/outgoing.ts';
import { self } from '../run/started.ts';

/** Bytes that are read at a time. */
const PIECE = 65_536;
const HEAD = 'From: root (Cron Daemon)\nTo: alice\nSubject: Cron <alice@web1> backup\n\n';

/** A mail with that body, of the user who runs the tests. */
export function mailOf(body: Buffer | string, changed: Partial<Outgoing> = {}): Outgoing {
  const bytes = Buffer.from(body);
  return {
    run: 'run-1',
    user: { ...self, home: '/' },
    sender: 'alice',
    recipients: ['alice'],
    head: HEAD,
    size: bytes.length,
    async *chunks() {
      // As an output of a file is read: through one buffer.
      const buffer = Buffer.alloc(PIECE);
      for (let at = 0; at < bytes.length; at += PIECE) {
        yield buffer.subarray(0, bytes.copy(buffer, 0, at));
        buffer.fill('!');
      }
    },
    ...changed,
  };
}

/** The bytes of a whole mail. */
export async function bytesOf(mail: Outgoing): Promise<Buffer> {
  const pieces: Uint8Array[] = [Buffer.from(mail.head, 'latin1')];
  for await (const piece of mail.chunks()) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

/** The body as its reader gets it: a byte string, its transfer encoding undone. */
export async function decoded(mail: Outgoing): Promise<string> {
  const whole = (await bytesOf(mail)).toString('latin1');
  return decodedBody(mail.head, whole.slice(mail.head.length));
}

/** Undo the transfer encoding that the head tells of. */
export function decodedBody(head: string, body: string): string {
  const encoding = /^Content-Transfer-Encoding: (.*)$/m.exec(head)?.[1];
  if (encoding === 'base64') {
    assert.doesNotMatch(body, /^.{77}/m);
    return Buffer.from(body, 'base64').toString('latin1');
  }
  if (encoding !== 'quoted-printable') return body;
  assert.match(body, /^[\n\t -~]*$/);
  assert.doesNotMatch(body, /^.{77}|[ \t]$|^\.|^From /m);
  return body
    .replaceAll('=\n', '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}
