/** A path → a unix socket where requests are answered, of whoever connects, until it is closed. */
import { once } from 'node:events';
import { chmodSync, renameSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { EXIT, Failure, reason } from '../system/failure.ts';
import type { Peer } from '../system/libc/sockets.ts';
import { peerOf } from '../system/peer.ts';
import { Conversation, type House } from './conversation.ts';
import type { Desk } from './desk.ts';
import { type Limits, LIMITS, Shares } from './limits.ts';
import { encodeHead, refusal } from './protocol.ts';

/** What a server needs. */
export interface ServerSetup {
  /** Where the socket is to be. */
  readonly path: string;
  readonly desk: Desk;
  readonly complain: House['complain'];
  readonly limits?: Limits;
}

/** A socket that is served. */
export interface ControlServer {
  /** Take no more requests, answer those that are whole, and remove the socket. */
  close(): Promise<void>;
}

/** Connections at the door: as many as Linux lets wait, for it turns all others away, whoever they are. */
const BACKLOG = 4096;
/** How long answers that are under way may take when the server closes, in milliseconds. */
const LAST_WORDS = 5000;

/**
 * Serve a socket that everybody may connect to; one that a dead daemon has left is replaced.
 * @throws {Failure} when another daemon serves it, or it cannot be made
 */
export async function openServer(setup: ServerSetup): Promise<ControlServer> {
  const { path, limits = LIMITS } = setup;
  const connections = new Shares(limits.perUser, limits.connections);
  const memory = new Shares(limits.userBytes, limits.bytes);
  const house = { ...setup, limits, memory };
  const running = new Map<Conversation, Promise<void>>();

  const accept = (socket: Socket): void => {
    socket.on('error', () => {}); // `close` follows
    const peer = peerOrNull(socket);
    if (peer === null) {
      socket.destroy();
      return;
    }
    if (!connections.take(peer.uid, 1)) {
      socket.end(BUSY, () => socket.destroy());
      return;
    }
    socket.once('close', () => connections.give(peer.uid, 1));
    const conversation = new Conversation(socket, peer, house);
    const end = conversation.run().finally(() => running.delete(conversation));
    running.set(conversation, end);
  };

  const server = createServer({ allowHalfOpen: true }, accept);
  await bind(server, path);
  // Out of descriptors, say: one connection less, and no reason to end.
  server.on('error', (error) => setup.complain(error, { pid: 0, uid: 0, gid: 0 }));
  return {
    async close() {
      try {
        rmSync(path, { force: true });
      } catch {
        // Its directory is gone or something else by now, and a name that nobody finds does no harm.
      }
      server.close();
      for (const conversation of running.keys()) conversation.leave();
      const ends = Promise.all(running.values());
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise((resolve) => (timer = setTimeout(resolve, LAST_WORDS)));
      await Promise.race([ends, late]);
      clearTimeout(timer);
    },
  };
}

const BUSY = encodeHead(refusal('busy', 'Too many connections of yours: close some, or try again'));

/** Bind beside the name and rename over it: whoever finds the socket may connect, and finds us. */
async function bind(server: Server, path: string): Promise<void> {
  try {
    if (await isServed(path)) throw new Error('another cron serves it');
    const draft = `${path}.new`;
    rmSync(draft, { force: true });
    server.listen({ path: draft, backlog: BACKLOG });
    await once(server, 'listening');
    chmodSync(draft, 0o666); // who may what is decided for each request
    renameSync(draft, path);
  } catch (error) {
    server.close();
    const problem = `Cannot open the control socket "${path}": ${reason(error)}`;
    throw new Failure(problem, { exit: EXIT.CANNOT_CREATE, cause: error });
  }
}

/** Whether somebody answers there. */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

function peerOrNull(socket: Socket): Peer | null {
  try {
    return peerOf(socket);
  } catch {
    return null; // gone already
  }
}
