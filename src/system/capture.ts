/** The read end of a job's pipe → its bytes, through one buffer that all jobs share. */
import { Socket } from 'node:net';

/** Read in pieces of this size, which the processor's cache holds; nothing waits in it, so that one serves every job. */
const shared = Buffer.allocUnsafe(128 * 1024);

/** A pipe being read. */
export interface Capture {
  /** All write ends are closed and everything was read. */
  readonly closed: Promise<void>;
}

/**
 * Read a descriptor to its end.
 * @param take must copy what it wants to keep
 * @param pour may take more from the descriptor by itself, when there is likely to be much; it follows what was taken
 */
export function capture(
  fd: number,
  take: (bytes: Uint8Array) => void,
  pour?: (fd: number) => void,
): Capture {
  const closed = new Promise<void>((resolve) => {
    const pipe = new Socket({
      fd,
      readable: true,
      writable: false,
      onread: {
        buffer: shared,
        callback(length: number, buffer: Uint8Array): boolean {
          take(buffer.subarray(0, length));
          if (length === shared.length) pour?.(fd);
          return true;
        },
      },
    } as ConstructorParameters<typeof Socket>[0]); // the types know `onread` in connect() only
    pipe.on('error', () => {}); // `close` follows
    pipe.on('close', () => resolve());
    pipe.resume();
  });
  return { closed };
}

/** Write a job's input to its pipe; a job that does not read it is its own business. */
export function feed(fd: number, input: Uint8Array): void {
  const pipe = new Socket({ fd, readable: false, writable: true });
  pipe.on('error', () => {}); // EPIPE: it has ended, or closed its stdin
  pipe.end(input);
}
