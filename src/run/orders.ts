/** Connections to a runner's socket → the orders of its scheduler: whoever has said `take` last. */
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { listenTo, type Order, type RunningJob, say, type Word } from './protocol.ts';

/** An order of the scheduler's, once it is that. */
export type Given = Exclude<Order, { readonly order: 'take' }>;

/** Who obeys. */
export interface Obedient {
  /** There is another scheduler from now on; returns what it is told to be running. */
  readonly onTaken: () => readonly RunningJob[];
  readonly onOrder: (order: Given) => void;
  /** The scheduler stopped or died, and there is no other. */
  readonly onLost: () => void;
  /** Nobody has connected since it was started. */
  readonly onNobody: () => void;
}

/** A runner that nobody has taken over for so long, in milliseconds, was started for nothing. */
const NOBODY = 30_000;

/** Listen where root alone may connect (0600). */
export async function listenForOrders(path: string): Promise<Server> {
  const server = createServer();
  const umask = process.umask(0o177);
  server.listen(path);
  try {
    await once(server, 'listening');
  } finally {
    process.umask(umask);
  }
  return server;
}

/** The scheduler of a runner, and those who want to be it. */
export class Orders {
  readonly #server: Server;
  readonly #obedient: Obedient;
  #scheduler: Socket | null = null;

  constructor(server: Server, obedient: Obedient) {
    this.#server = server;
    this.#obedient = obedient;
    server.on('connection', (socket) => this.#accept(socket));
    const nobody = setTimeout(obedient.onNobody, NOBODY);
    server.once('connection', () => clearTimeout(nobody));
  }

  /** Whether there is a scheduler. */
  get isTaken(): boolean {
    return this.#scheduler !== null;
  }

  /** Whether another scheduler can still come. */
  get isOpen(): boolean {
    return this.#server.listening;
  }

  /** Say something to the scheduler, with what else there is to say at this moment; false: there is none. */
  tell(word: Word): boolean {
    const scheduler = this.#scheduler;
    if (scheduler === null) return false;
    if (scheduler.writableCorked === 0) {
      scheduler.cork(); // a call of the system for each word is most of what it costs
      setImmediate(() => scheduler.uncork());
    }
    say(scheduler, word);
    return true;
  }

  /** Hang up on the scheduler, when it is told all. */
  hangUp(): void {
    this.#scheduler?.uncork();
    this.#scheduler?.destroy();
  }

  /** Listen to nobody any more. */
  close(): void {
    this.#server.close();
    this.hangUp();
  }

  #accept(socket: Socket): void {
    socket.on('error', () => {}); // `close` follows
    socket.on('close', () => {
      if (socket !== this.#scheduler) return;
      this.#scheduler = null;
      this.#obedient.onLost();
    });
    listenTo(socket, (message) => {
      if (!('order' in message)) return;
      if (message.order === 'take') this.#take(socket);
      else if (socket === this.#scheduler) this.#obedient.onOrder(message);
    });
  }

  #take(socket: Socket): void {
    const before = this.#scheduler;
    this.#scheduler = socket;
    const running = this.#obedient.onTaken();
    // Fenced: orders of the former one that still lie in its socket are never read.
    before?.destroy();
    say(socket, { word: 'taken', running });
  }
}
