/** A message and a place → the message in the mailbox of this process's own user. */
import type { Copy } from './again.ts';
import { holdMailbox } from './held.ts';
import { deliverToMaildir } from './maildir.ts';
import { appendToMbox } from './mbox.ts';

/** An mbox is a file, a Maildir a directory. */
export const FORMATS = ['mbox', 'maildir'] as const;

/** Where a message goes. */
export interface Place {
  readonly format: (typeof FORMATS)[number];
  readonly path: string;
  /** How long others are waited for who hold an mbox locked, in milliseconds. */
  readonly patience: number;
}

/**
 * Put a message into a mailbox, all of it or nothing; on the disk when this returns.
 * @param sender for the line before it in an mbox
 * @param copy the same message; with it, one that an earlier try has put there is found and not put there again
 */
export async function putInMailbox(
  { format, path, patience }: Place,
  sender: string,
  message: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  copy: Copy | null = null,
): Promise<void> {
  if (format === 'maildir') return deliverToMaildir(path, message, copy);
  const held = await holdMailbox(path, patience, signal);
  try {
    await appendToMbox(held.fd, sender, message, copy);
  } finally {
    held.release();
  }
}
