/** A connection of Node's to a unix socket → the process at its other end. */
import type { Socket } from 'node:net';
import { type Peer, peerCredentials } from './libc/sockets.ts';

/**
 * Tell who connected.
 * @throws when the connection is closed already
 */
export function peerOf(socket: Socket): Peer {
  // Node tells the descriptor nowhere else.
  const handle: unknown = Reflect.get(socket, '_handle');
  const fd =
    typeof handle === 'object' && handle !== null && 'fd' in handle ? handle.fd : undefined;
  if (typeof fd !== 'number' || fd < 0) throw new Error('the connection has no descriptor');
  return peerCredentials(fd);
}
