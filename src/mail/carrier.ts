/** Mails → a postman's process and its answers: one process, from its start to its end. */
import { closeSync, fchownSync } from 'node:fs';
import { Socket } from 'node:net';
import { toBytes } from '../system/bytes.ts';
import { capture } from '../system/capture.ts';
import { twoPipes } from '../system/libc/descriptors.ts';
import type { Outgoing, Refused } from '../system/outgoing.ts';
import type { Launcher, Program, Running } from '../system/program.ts';
import { FrameReader, lineOf, type Order, readAnswer, type RefusedAt } from './frames.ts';
import { oneLine } from './trouble.ts';
import type { Relay } from './relay.ts';
import { Watch } from './watch.ts';

/** What of a mail's body is handed over at a time. */
const PIECE = 256 * 1024;
/** How much of what it says besides its answers is kept, to explain its death. */
const SAID_LIMIT = 1024;
/** From the end of its orders to its own end, in milliseconds. */
const GRACE = 10_000;

/** A mail that the postman has, and that is not answered yet. */
interface Errand {
  readonly mail: Outgoing;
  readonly pieces: AsyncIterator<Uint8Array>;
  /** What of the last piece was too much at a time. */
  rest: Uint8Array;
  /** A piece is being read. */
  feeding: boolean;
  readonly watch: Watch;
  end(refused: readonly Refused[]): void;
}

/** A postman's process. */
export class Carrier {
  /** Resolves when it has ended, all its mails with it. */
  readonly gone: Promise<void>;
  readonly #orders: Socket;
  readonly #patience: number;
  readonly #errands = new Map<number, Errand>();
  #running: Running | null;
  #count = 0;
  #said = '';
  /** Why it is not trusted any more. */
  #trouble: string | null = null;
  /** How it ended. */
  #last: string | null = null;

  private constructor(running: Running, orders: number, answers: number, relay: Relay) {
    this.#running = running;
    this.#orders = new Socket({ fd: orders, readable: false, writable: true });
    this.#orders.on('error', () => {}); // it has ended: that is heard of below
    // Its own patience with the relay ends before ours with it.
    this.#patience = 3 * relay.timeout + 180_000;
    const reader = new FrameReader((line) => this.#hear(line));
    const { closed } = capture(answers, (bytes) => {
      if (this.#trouble !== null) return;
      try {
        reader.push(Buffer.from(bytes)); // a copy: what is read goes through one buffer for all
      } catch (error) {
        this.#distrust(error instanceof Error ? error.message : String(error));
      }
    });
    this.gone = this.#end(running, closed);
    this.#order({ relay });
  }

  /**
   * Start a postman.
   * @throws when nothing could be started
   */
  static async start(
    launcher: Launcher,
    program: Pick<Program, 'user' | 'argv'>,
    relay: Relay,
  ): Promise<Carrier> {
    const [orders, answers] = twoPipes();
    const { user } = program;
    try {
      if (process.geteuid?.() === 0)
        for (const fd of [orders.read, answers.write]) fchownSync(fd, user.uid, user.gid);
      const environment = [['PATH', '/usr/bin:/bin']] as const;
      const ends = { stdin: orders.read, output: answers.write };
      const running = await launcher.start({ ...program, environment, directory: '/', ...ends });
      return new Carrier(running, orders.write, answers.read, relay);
    } catch (error) {
      for (const fd of [orders.write, answers.read]) closeSync(fd);
      throw error;
    } finally {
      for (const fd of [orders.read, answers.write]) closeSync(fd);
    }
  }

  /** Hand a mail over; resolves when it is answered, or the postman has ended. Never throws. */
  carry(mail: Outgoing): Promise<readonly Refused[]> {
    if (this.#last !== null) return Promise.resolve(refuse(mail, this.#last));
    const number = this.#count++;
    return new Promise((end) => {
      const watch = new Watch(this.#patience);
      watch.signal.addEventListener('abort', () => this.#distrust('it moves no more'));
      const pieces = mail.chunks()[Symbol.asyncIterator]();
      this.#errands.set(number, { mail, pieces, rest: NOTHING, feeding: false, watch, end });
      const { run, sender, recipients, size } = mail;
      const head = toBytes(mail.head);
      this.#order({ mail: number, length: head.length, run, sender, recipients, size }, head);
    });
  }

  /** It has ended, or is about to: another one is to be had. */
  get isOver(): boolean {
    return this.#running === null || this.#trouble !== null;
  }

  /** Give no more orders: it ends when it has done those that it can. */
  end(): void {
    this.#orders.end();
    const timer = setTimeout(() => this.#kill(), GRACE);
    void this.gone.then(() => clearTimeout(timer)); // never throws
  }

  #order(order: Order, bytes?: Uint8Array): void {
    if (!this.#orders.writable) return;
    this.#orders.write(lineOf(order));
    if (bytes !== undefined && bytes.length > 0) this.#orders.write(bytes);
  }

  #hear(line: string): void {
    if (this.#trouble !== null) return;
    if (!line.startsWith('{')) {
      // Node explains its death on the same pipe.
      if (this.#said.length < SAID_LIMIT) this.#said += ` ${line}`;
      return;
    }
    const answer = readAnswer(line);
    if (answer === null) return this.#distrust('it said what is no answer');
    const number = 'more' in answer ? answer.more : answer.done;
    const errand = this.#errands.get(number);
    if (errand === undefined) return this.#distrust('it answered for a mail that it does not have');
    errand.watch.refresh();
    if ('done' in answer) return this.#finish(number, errand, answer.refused);
    if (errand.feeding) return this.#distrust('it asked twice for one piece');
    void this.#feed(number, errand); // never throws
  }

  async #feed(number: number, errand: Errand): Promise<void> {
    errand.feeding = true;
    let order: [Order, Uint8Array?];
    try {
      while (errand.rest.length === 0) {
        const next = await errand.pieces.next();
        if (next.done === true) break;
        errand.rest = next.value;
      }
      const piece = Buffer.from(errand.rest.subarray(0, PIECE)); // it is sent when the next may be there already
      errand.rest = errand.rest.subarray(piece.length);
      order =
        piece.length === 0 ? [{ whole: number }] : [{ piece: number, length: piece.length }, piece];
    } catch {
      order = [{ broken: number }];
    }
    errand.feeding = false;
    if (this.#errands.has(number)) this.#order(...order);
  }

  #finish(number: number, errand: Errand, refused: readonly RefusedAt[]): void {
    const { recipients } = errand.mail;
    const found = refused.flatMap(({ at, reason, permanent }) => {
      const recipient = recipients[at];
      return recipient === undefined ? [] : [{ recipient, reason, permanent }];
    });
    if (found.length < refused.length)
      return this.#distrust('it told of recipients that a mail does not have');
    this.#close(number, errand, found);
  }

  #close(number: number, errand: Errand, refused: readonly Refused[]): void {
    this.#errands.delete(number);
    errand.watch.stop();
    void errand.pieces.return?.()?.catch(() => {}); // a file that cannot be closed was read
    errand.end(refused);
  }

  /** What says nonsense may have done nonsense: all its mails are tried again. */
  #distrust(trouble: string): void {
    this.#trouble ??= trouble;
    this.#kill();
  }

  #kill(): void {
    if (this.#running === null) return;
    try {
      process.kill(-this.#running.pid, 'SIGKILL'); // not reaped yet, so the number is still its own
    } catch {
      // It ended this moment.
    }
  }

  async #end(running: Running, closed: Promise<void>): Promise<void> {
    const { code, signal } = await running.ended;
    this.#running = null;
    this.#orders.destroy();
    await closed; // its last answers
    const how = signal === null ? `ended with status ${code}` : `was ended by ${signal}`;
    const why = this.#trouble ?? oneLine(this.#said).trim();
    const last = `the postman ${how}${why === '' ? '' : `: ${why}`}`;
    this.#last = last;
    for (const [number, errand] of this.#errands)
      this.#close(number, errand, refuse(errand.mail, last));
  }
}

/** A mail that may be tried again. */
function refuse({ recipients }: Outgoing, reason: string): Refused[] {
  return recipients.map((recipient) => ({ recipient, reason, permanent: false }));
}

const NOTHING = new Uint8Array(0);
