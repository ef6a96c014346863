/** A mail as it arrived → which job's it is, and the bytes that its body stands for. */
import PostalMime from 'postal-mime';
import type { Arrival } from './systems.ts';

/** A mail that was read. */
export interface Read {
  readonly mailbox: string;
  /** The command in the Subject; empty for a mail that is not of a job. */
  readonly command: string;
  readonly body: Buffer;
  /** Byte for byte as it lies there. */
  readonly message: string;
}

/** Read a mail by its MIME header, with a program that is not ours. */
export async function read({ mailbox, message }: Arrival): Promise<Read> {
  const end = message.indexOf('\n\n');
  // As an attachment the body is given out in bytes, whatever charset it is said to be in.
  const head = message.slice(0, end);
  const others = head.replace(/^Content-Type: text\/plain.*(?:\n[ \t].*)*\n?/im, '');
  const typed = /^Content-Type:/im.test(others)
    ? others
    : `Content-Type: application/x-bytes\n${others}`.trimEnd();
  const mail = await PostalMime.parse(Buffer.from(typed + message.slice(end), 'latin1'));
  const content = mail.attachments[0]?.content ?? '';
  const body =
    typeof content === 'string' ? Buffer.from(content) : Buffer.from(new Uint8Array(content));
  const command = /^Cron <alice@cronhost> (.*)$/s.exec(mail.subject ?? '')?.[1] ?? '';
  return { mailbox, command, body: oneEnd(body), message };
}

/** Some mail systems put empty lines behind a message. */
function oneEnd(body: Buffer): Buffer {
  let end = body.length;
  while (end > 0 && body[end - 1] === 10) end--;
  return Buffer.concat([body.subarray(0, end), Buffer.from('\n')]);
}
