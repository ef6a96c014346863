/** The socket of a log daemon → whether it takes what is sent there, whenever it was started. */
import { closeDescriptor } from './libc/descriptors.ts';
import { datagramSocket, send, sendAs } from './libc/sockets.ts';

/** Send a datagram, in the name of another process if that lives and we may; false: nobody has taken it. */
export type Datagrams = (data: Buffer, pid?: number) => boolean;

/** Connect to a socket when there is something to send; anew when who listened there has gone. */
export function openDatagrams(path: string): Datagrams {
  const isRoot = process.geteuid?.() === 0;
  let socket: number | undefined;
  return (data, pid = 0) => {
    const other = isRoot && pid > 0 && pid !== process.pid ? pid : null;
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        socket ??= datagramSocket(path);
        if (other !== null && sendAs(socket, data, other)) return true;
        if (send(socket, data)) return true;
        closeDescriptor(socket); // the daemon was restarted: connect anew
      } catch {
        // Nobody listens: the caller falls back.
      }
      socket = undefined;
    }
    return false;
  };
}

/** Bytes of a line at most: the kernel takes no datagram that is much longer. */
const LONGEST = 128 * 1024;

/** The text in UTF-8, without the end of one that is too long. */
export function bounded(text: string): Buffer {
  const data = Buffer.from(text);
  if (data.length <= LONGEST) return data;
  let end = LONGEST;
  while (((data[end] ?? 0) & 0xc0) === 0x80) end--; // not within a letter
  return Buffer.concat([data.subarray(0, end), Buffer.from('...')]);
}
