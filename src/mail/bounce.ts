/** A mail that did not reach everybody → the mail that says so, with all of it. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { toBytes, toText } from '../system/bytes.ts';
import type { Outgoing } from '../system/outgoing.ts';
import type { Envelope } from './envelope.ts';
import { writeNote } from './note.ts';

/** So much of a body goes back: what Postfix takes of a mail by default. */
const BODY_LIMIT = 10_000_000;

/** Bytes of a mail that a bounce leaves out. */
export function leftOut({ size }: Envelope): number {
  return Math.max(0, size - BODY_LIMIT);
}

/**
 * Tell the owner of a mail whom it did not reach, and why. The mail follows as it was: two parts of
 * MIME, of which the first can be read without any program for it.
 * @param whole where the mail is kept, if the bounce leaves some of it out
 */
export function bounce(mail: Outgoing, envelope: Envelope, whole: string, now: number): Outgoing {
  const boundary = `cron-${randomBytes(12).toString('hex')}`;
  const left = leftOut(envelope);
  const text = [
    `This is cron on ${hostname()}. Your mail of ${envelope.created}`,
    'did not reach',
    '',
    ...envelope.failed.flatMap(({ recipient, reason }) => [
      `  ${toText(recipient)}`,
      `    ${reason.replaceAll('\n', '\n    ')}`,
    ]),
    '',
    `It was tried ${times(envelope.tries)}. What was to be told follows below.`,
    ...(left > 0 ? [`Its last ${left} bytes are left out here; the whole is in ${whole}.`] : []),
  ];
  const start = `--${boundary}
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit

${text.join('\n')}

--${boundary}
Content-Type: message/rfc822

`;
  const before = Buffer.concat([Buffer.from(start), toBytes(mail.head)]);
  const after = Buffer.from(`\n--${boundary}--\n`);
  return writeNote({
    run: `${mail.run}-bounce`,
    user: mail.user,
    subject: `Undelivered mail: ${subjectOf(mail.head)}`,
    type: `multipart/mixed; boundary="${boundary}"`,
    now,
    body: {
      size: before.length + envelope.size - left + after.length,
      async *chunks() {
        yield before;
        yield* upTo(BODY_LIMIT, mail.chunks());
        yield after;
      },
    },
  });
}

function times(tries: number): string {
  return tries === 1 ? 'once' : `${tries} times`;
}

/** The Subject of a header block, with the lines that continue it. */
function subjectOf(head: string): string {
  return /^Subject: ?(.*(?:\n[ \t].*)*)/m.exec(head)?.[1] ?? '';
}

async function* upTo(limit: number, chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let room = limit;
  for await (const chunk of chunks) {
    yield chunk.subarray(0, room);
    room -= chunk.length;
    if (room <= 0) return;
  }
}
