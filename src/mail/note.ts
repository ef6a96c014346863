/** What cron itself has to say to a user → a mail. */
import { fromText } from '../system/bytes.ts';
import type { Outgoing } from '../system/outgoing.ts';
import type { User } from '../system/users.ts';

/** A mail that cron writes of its own accord. */
export interface Note {
  readonly run: string;
  readonly user: User;
  readonly subject: string;
  /** After the subject's line; text in UTF-8 without it. */
  readonly type?: string;
  readonly now: number;
  /** Bytes, once or as often as they are asked for. */
  readonly body: { readonly size: number; chunks(): AsyncIterable<Uint8Array> };
}

/** Make it a mail to its user, of which nobody is told if it fails. */
export function writeNote({ run, user, subject, type, now, body }: Note): Outgoing {
  const name = fromText(user.name);
  const head = [
    'From: root (Cron Daemon)',
    `To: ${name}`,
    `Subject: ${subject}`,
    `Date: ${new Date(now).toUTCString().replace('GMT', '+0000')}`,
    'MIME-Version: 1.0',
    `Content-Type: ${type ?? 'text/plain; charset=UTF-8'}`,
    'Content-Transfer-Encoding: 8bit',
    'Auto-Submitted: auto-generated',
    '\n',
  ].join('\n');
  const { size } = body;
  return { run, user, sender: '', recipients: [name], head, size, chunks: () => body.chunks() };
}

/** A body of lines. */
export function bodyOf(lines: readonly string[]): Note['body'] {
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  return {
    size: bytes.length,
    async *chunks() {
      yield bytes;
    },
  };
}
