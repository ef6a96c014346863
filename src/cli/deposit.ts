/**
 * The program that writes to a mailbox, as that mailbox's user: FORMAT PATH PATIENCE SENDER, and a message on standard
 * input → exit status 0 when it is on the disk, 75 and a line that says why when it is not.
 */
import { fstatSync, readSync } from 'node:fs';
import { addAbortSignal } from 'node:stream';
import { fromText } from '../system/bytes.ts';
import { EXIT, reason } from '../system/failure.ts';
import type { Copy } from '../mail/again.ts';
import { FORMATS, putInMailbox } from '../mail/mailbox.ts';

process.exitCode = await main(process.argv.slice(2));

async function main([format, path = '', patience, sender = '']: string[]): Promise<number> {
  process.umask(0o077);
  process.on('SIGUSR1', () => {}); // else Node opens its debugger
  const over = new AbortController();
  // Whoever ends this wants it to leave the mailbox as it was.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(signal, () => over.abort(new Error(`ended by ${signal}`)));
  try {
    const known = FORMATS.find((each) => each === format);
    if (known === undefined) throw new Error(`"${format}" is no form of a mailbox`);
    const message = addAbortSignal(over.signal, process.stdin);
    const place = { format: known, path, patience: Number(patience) };
    await putInMailbox(place, fromText(sender), message, over.signal, copyOf(0));
    return EXIT.OK;
  } catch (error) {
    process.stdout.write(`cannot write to the mailbox "${path}": ${reason(error)}\n`);
    return EXIT.TEMPORARY;
  }
}

/** The message, if it is a file: reading at a place does not move the position, which is the reader's receipt. */
function copyOf(fd: number): Copy | null {
  const stat = fstatSync(fd);
  if (!stat.isFile()) return null;
  return {
    size: stat.size,
    read(position, length) {
      const bytes = Buffer.alloc(Math.max(0, Math.min(length, stat.size - position)));
      return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, position));
    },
  };
}
