/** One connection → its requests, one after the other, each answered; whatever comes, in bounded time and memory. */
import type { Socket } from 'node:net';
import type { Peer } from '../system/libc/sockets.ts';
import { type Admission, type Answer, attempt, type Desk, type Part } from './desk.ts';
import { Cut, Input } from './input.ts';
import type { Limits, Shares } from './limits.ts';
import {
  decodeRequest,
  encodeHead,
  type Refusal,
  refusal,
  REQUEST_LIMIT,
  type RequestHead,
} from './protocol.ts';

/** What all conversations share. */
export interface House {
  readonly desk: Desk;
  readonly limits: Limits;
  /** Memory for bodies. */
  readonly memory: Shares;
  /** Told of what should never happen. */
  readonly complain: (error: unknown, peer: Peer) => void;
}

/** A body that nobody wants is read and thrown away if it is no longer, so that its sender reads the answer. */
const SKIP_LIMIT = 64 * 1024 * 1024;
/** Who sends garbage has so long to read what we think of it, in milliseconds. */
const LINGER = 1000;

export class Conversation {
  readonly #socket: Socket;
  readonly #peer: Peer;
  readonly #house: House;
  readonly #input: Input;
  #timer: NodeJS.Timeout | undefined;
  /** A request is whole, and its answer not yet sent. */
  #answering = false;
  #leaving = false;
  /** Its time was up. */
  #isOver = false;

  constructor(socket: Socket, peer: Peer, house: House) {
    this.#socket = socket;
    this.#peer = peer;
    this.#house = house;
    this.#input = new Input(socket);
  }

  /** Go on until either side has had enough; never throws. */
  async run(): Promise<void> {
    try {
      while (!this.#leaving && (await this.#answerNext()));
      this.#socket.end();
      this.#expect(LINGER, () => this.#socket.destroy());
      while (await this.#input.skip());
    } catch (error) {
      // Hung up, or hung up on: nobody is there to be told anything.
      const gone = error instanceof Cut || this.#socket.destroyed;
      if (!gone) this.#house.complain(error, this.#peer);
    } finally {
      clearTimeout(this.#timer);
      this.#socket.destroy();
    }
  }

  /** Hang up: at once, or when the answer is out that is under way. */
  leave(): void {
    this.#leaving = true;
    if (!this.#answering) this.#socket.destroy();
  }

  /** Answer one request; false: it was the last one. */
  async #answerNext(): Promise<boolean> {
    const { limits } = this.#house;
    this.#expect(limits.idle, this.#tooLate);
    const line = await this.#input.line(REQUEST_LIMIT, () => {
      this.#expect(limits.patience, this.#tooLate);
    });
    if (line === null) return false;
    if (line === 'too long')
      return this.#hangUp(refusal('garbled', `A head has at most ${REQUEST_LIMIT} bytes`));
    const read = decodeRequest(line);
    if (!read.ok) return this.#hangUp(read);
    return this.#answer(read.head);
  }

  async #answer(head: RequestHead): Promise<boolean> {
    const { length = 0 } = head;
    this.#rest();
    const admission = await this.#house.desk(head, this.#peer);
    const limit = admission.ok ? limitOf(admission) : SKIP_LIMIT;
    if (length > limit) {
      const most = `${length} bytes are too many: at most ${limit} may follow "${head.request}"`;
      return this.#hangUp(refusal('too-large', most));
    }
    this.#expectBytes(length, this.#tooLate);
    this.#input.expectBody(length);
    if (!admission.ok) return this.#skipAndSay(admission);
    return this.#serve(admission, length);
  }

  async #serve({ call, row }: Admission, length: number): Promise<boolean> {
    const { memory, complain } = this.#house;
    const { uid } = this.#peer;
    const work = async (answer: () => Promise<Answer>): Promise<Answer> => {
      if (this.#isOver) throw new Cut(); // it was told so: now nothing may be done any more
      this.#answering = true;
      return attempt(answer, (error) => complain(error, this.#peer));
    };
    if (row.body === 'none') {
      this.#rest();
      return this.#say(await work(() => row.answer(call)));
    }
    if (row.body === 'stream') {
      const answer = await work(() => row.answer(call, this.#pieces()));
      await this.#input.skipBody();
      return this.#say(answer);
    }
    if (!memory.take(uid, length)) return this.#skipAndSay(BUSY);
    try {
      const body = await this.#input.body();
      this.#rest();
      return await this.#say(await work(() => row.answer(call, body)));
    } finally {
      memory.give(uid, length);
    }
  }

  /** A body as it comes in; the other side has done its part when it is whole. */
  async *#pieces(): AsyncGenerator<Buffer, void> {
    yield* this.#input.pieces();
    if (this.#isOver) throw new Cut();
    this.#rest();
  }

  async #skipAndSay(head: Refusal): Promise<boolean> {
    await this.#input.skipBody();
    return this.#say({ head });
  }

  /** Say the last word. */
  async #hangUp(head: Refusal): Promise<boolean> {
    await this.#say({ head });
    return false;
  }

  /** Send an answer and what follows it. */
  async #say({ parts, ...first }: Answer): Promise<boolean> {
    await this.#send(first);
    if (parts !== undefined) await this.#stream(parts);
    return true;
  }

  /** Send one part after the other; a part without `more` is the last one. */
  async #stream(parts: AsyncIterable<Part | null>): Promise<void> {
    this.#rest();
    let sent = performance.now();
    const send = async (part: Part): Promise<void> => {
      await this.#send(part);
      sent = performance.now();
      this.#rest();
    };
    try {
      for await (const part of parts) {
        // Who is closed down needs no end: whoever reads this asks the next daemon to go on.
        if (this.#leaving || this.#socket.destroyed) throw new Cut();
        if (part !== null) await send(part);
        else if (performance.now() - sent > this.#house.limits.sign) await send(SIGN_OF_LIFE);
      }
    } catch (error) {
      if (error instanceof Cut || this.#socket.destroyed) throw error;
      this.#house.complain(error, this.#peer);
      await send({ head: refusal('failed', 'Internal error of cron, see its log') });
    }
  }

  /** Send one answer, and wait until it is read. */
  async #send({ head, body }: Part): Promise<boolean> {
    const { memory } = this.#house;
    const { uid } = this.#peer;
    const length = body?.length ?? 0;
    const isRoom = memory.take(uid, length);
    this.#expectBytes(length, () => this.#socket.destroy());
    try {
      if (!isRoom) await this.#write(encodeHead(BUSY));
      else if (body === undefined) await this.#write(encodeHead(head));
      else await this.#write(encodeHead({ ...head, length }), body);
    } finally {
      if (isRoom) memory.give(uid, length);
      this.#answering = false;
    }
    return true;
  }

  #write(head: Buffer, body?: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error?: Error | null): void => (error ? reject(error) : resolve());
      if (body === undefined) {
        this.#socket.write(head, done);
        return;
      }
      this.#socket.cork();
      this.#socket.write(head);
      this.#socket.write(body, done);
      this.#socket.uncork();
    });
  }

  readonly #tooLate = (): void => {
    this.#isOver = true;
    this.#socket.end(encodeHead(refusal('timeout', 'You took too long to ask: begin anew')));
    this.#expect(LINGER, () => this.#socket.destroy());
  };

  #expectBytes(length: number, otherwise: () => void): void {
    const { patience, pace } = this.#house.limits;
    this.#expect(patience + (length / pace) * 1000, otherwise);
  }

  /** Wait for the other side for so long. */
  #expect(time: number, otherwise: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(otherwise, time);
  }

  /** It is our turn. */
  #rest(): void {
    clearTimeout(this.#timer);
  }
}

const SIGN_OF_LIFE: Part = { head: { ok: true, more: true } };

const BUSY = refusal('busy', 'Too many bytes of yours are under way: try again');

function limitOf({ row }: Admission): number {
  return row.body === 'none' ? 0 : row.limit;
}
