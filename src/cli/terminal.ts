/** Words to the user of crontab(1), questions, and the signals of the keyboard. */
import { readSync, writeSync } from 'node:fs';
import { EXIT, errorCode, Failure, reason } from '../system/failure.ts';

/**
 * Tell on stderr; a closed one must not keep a table from being installed. Names of files and what
 * was typed are in it, which may hold what a terminal heeds.
 */
export function say(text: string): void {
  put(2, `${text.replaceAll(/[^\P{Cc}\t\n]|\p{Bidi_Control}/gu, '?')}\n`);
}

/**
 * Write to stdout; throws a Failure if not all arrives, on a full disk for one.
 * @returns false: the reader has seen enough, as `head` has
 */
export async function print(bytes: Uint8Array): Promise<boolean> {
  try {
    await new Promise<void>((resolve, reject) => {
      process.stdout.once('error', reject);
      process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EPIPE') return false;
    throw new Failure(`Cannot write: ${reason(error)}`, { exit: EXIT.FAILURE, cause: error });
  }
}

/** Ask on stdout until the answer begins with y or n; the end of the input means no. */
export function ask(question: string, again: string): boolean {
  put(1, question);
  for (;;) {
    const line = readLine();
    if (line === null) {
      put(1, '\n');
      return false;
    }
    const answer = line.slice(0, 1).toLowerCase();
    if (answer === 'y' || answer === 'n') return answer === 'y';
    put(2, again);
  }
}

/**
 * Read a line, byte by byte: what follows it belongs to the editor or to the next question.
 * Null: the end of the input.
 */
function readLine(): string | null {
  const byte = Buffer.alloc(1);
  let line = '';
  for (;;) {
    if (readByte(byte) === 0) return line === '' ? null : line;
    if (byte[0] === 0x0a) return line;
    line += byte.toString('latin1');
  }
}

function readByte(byte: Buffer): number {
  for (;;) {
    try {
      return readSync(0, byte);
    } catch (error) {
      if (errorCode(error) !== 'EAGAIN') return 0;
      // Another program left the terminal in non-blocking mode.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
}

function put(fd: 1 | 2, text: string): void {
  try {
    writeSync(fd, text);
  } catch {
    // Nobody listens.
  }
}

/** Do something that an interrupt, a quit or a hang-up of the terminal does not end half-way. */
export async function undisturbed<T>(work: () => Promise<T>): Promise<T> {
  const signals = ['SIGINT', 'SIGQUIT', 'SIGHUP'] as const;
  const ignore = (): void => {};
  for (const signal of signals) process.on(signal, ignore);
  try {
    return await work();
  } finally {
    for (const signal of signals) process.off(signal, ignore);
  }
}
