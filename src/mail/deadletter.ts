/** A message that could not be sent → the end of its sender's own dead.letter. */
import { join } from 'node:path';
import { toBytes } from '../system/bytes.ts';
import { putInMailbox } from './mailbox.ts';

/** The message as it is kept; byte strings. */
export interface Dead {
  readonly user: string;
  /** Header lines and the empty line after them. */
  readonly head: string;
  chunks(): AsyncIterable<Uint8Array>;
}

/** How long another program that is writing the file is waited for, in milliseconds. */
const LOCK_PATIENCE = 5000;

/**
 * Append it to `HOME/dead.letter`, all of it or nothing, in the form and with the locks of a mailbox.
 *
 * The home may be one that others can write to: the file must be the caller's own, plain, with one
 * name, and is made for the caller alone.
 * @returns the file
 * @throws where that is not possible
 */
export async function keepDeadLetter(home: string, dead: Dead): Promise<string> {
  const path = join(home, 'dead.letter');
  const place = { format: 'mbox', path, patience: LOCK_PATIENCE } as const;
  await putInMailbox(place, dead.user, whole(dead), new AbortController().signal);
  return path;
}

async function* whole(dead: Dead): AsyncGenerator<Uint8Array> {
  yield toBytes(dead.head);
  yield* dead.chunks();
}
