/** A mail that is handed in ↔ the bytes that carry it: envelope, header block and body, one after the other. */
import { fromBytes, toBytes } from '../system/bytes.ts';
import { isAddress } from './envelope.ts';

/** How many bytes of a parcel are what; the body is the rest. */
export interface Parts {
  readonly envelope: number;
  readonly head: number;
}

/** What is known of a mail when its body begins; byte strings. */
export interface Label {
  /** '' is nobody. */
  readonly sender: string;
  readonly recipients: readonly string[];
  /** Header lines and the empty line after them. */
  readonly head: string;
}

/** More than any list of recipients that is typed or kept in a file. */
export const ENVELOPE_LIMIT = 1024 * 1024;
/** As much as cron-sendmail takes of a message, and what it adds. */
export const HEAD_LIMIT = 512 * 1024;

/** Pack what stands before the body: the sender and each recipient on a line, then the header block. */
export function packLabel({ sender, recipients, head }: Label): { parts: Parts; bytes: Buffer } {
  const envelope = [sender, ...recipients].map((line) => `${line}\n`).join('');
  const parts = { envelope: envelope.length, head: head.length };
  return { parts, bytes: toBytes(envelope + head) };
}

/** Take the label off a parcel. Text: a sentence that says what is wrong with it. */
export async function unpackLabel(
  parts: Parts,
  pieces: AsyncIterator<Buffer>,
): Promise<{ readonly label: Label; readonly rest: Buffer } | string> {
  if (parts.envelope > ENVELOPE_LIMIT)
    return `sender and recipients have more than ${ENVELOPE_LIMIT} bytes`;
  if (parts.head > HEAD_LIMIT) return `the header has more than ${HEAD_LIMIT} bytes`;
  const bytes = await gather(parts.envelope + parts.head, pieces);
  if (bytes === null) return 'the message is shorter than its header';
  const envelope = fromBytes(bytes.subarray(0, parts.envelope));
  const head = fromBytes(bytes.subarray(parts.envelope, parts.envelope + parts.head));
  const [sender = '', ...recipients] = envelope.split('\n');
  if (recipients.pop() !== '') return 'the last recipient has no end';
  if (recipients.length === 0) return 'there is no recipient';
  const wrong = [...(sender === '' ? [] : [sender]), ...recipients].find((one) => !isAddress(one));
  if (wrong !== undefined) return `"${wrong}" is no address`;
  if (head.startsWith('\n') || head.length < 3 || head.indexOf('\n\n') !== head.length - 2)
    return 'the header has to end with its only empty line';
  return {
    label: { sender, recipients: [...new Set(recipients)], head },
    rest: bytes.subarray(parts.envelope + parts.head),
  };
}

/** Take at least so many bytes; null: there are not so many. */
async function gather(least: number, pieces: AsyncIterator<Buffer>): Promise<Buffer | null> {
  const taken: Buffer[] = [];
  for (let length = 0; length < least;) {
    const next = await pieces.next();
    if (next.done === true) return null;
    taken.push(next.value);
    length += next.value.length;
  }
  return Buffer.concat(taken);
}
