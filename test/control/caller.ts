/** A client as bare as can be: it says what a test wants it to say. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { Input } from '../../src/control/input.ts';
import {
  ANSWER_LIMIT,
  type AnswerHead,
  decodeAnswer,
  encodeHead,
} from '../../src/control/protocol.ts';

/** What came back. */
export interface Heard {
  readonly head: AnswerHead;
  readonly body: Buffer;
}

export class CallerTo {
  readonly socket: Socket;
  readonly #input: Input;

  constructor(socket: Socket) {
    this.socket = socket;
    this.#input = new Input(socket);
    socket.on('error', () => {}); // `hear` tells
  }

  say(...pieces: readonly (string | Buffer)[]): void {
    for (const piece of pieces) this.socket.write(piece);
  }

  /** The next answer; null: the server hung up. */
  async hear(): Promise<Heard | null> {
    const line = await this.#input.line(ANSWER_LIMIT);
    if (line === null) return null;
    assert.notEqual(line, 'too long');
    const head = decodeAnswer(Buffer.from(line));
    assert.ok(head !== null, `no answer: ${String(line)}`);
    this.#input.expectBody(head.ok ? (head.length ?? 0) : 0);
    return { head, body: await this.#input.body() };
  }

  /** Ask, and wait for the answer. */
  async ask(request: string, fields: object = {}, body?: Buffer | string): Promise<Heard> {
    const bytes = body === undefined ? undefined : Buffer.from(body);
    this.say(encodeHead({ request, ...fields, ...(bytes && { length: bytes.length }) }));
    if (bytes !== undefined) this.say(bytes);
    const heard = await this.hear();
    assert.ok(heard !== null, `"${request}" was not answered`);
    return heard;
  }

  /** Ask, and be refused: `error: message`. */
  async refused(request: string, fields?: object, body?: Buffer | string): Promise<string> {
    return wordOf((await this.ask(request, fields, body)).head);
  }
}

/** `ok`, or `error: message`. */
export function wordOf(head: AnswerHead): string {
  return head.ok ? 'ok' : `${head.error}: ${head.message}`;
}

/** Connect; hung up after the test at the latest. */
export async function call(t: Pick<TestContext, 'after'>, path: string): Promise<CallerTo> {
  const socket = connect(path);
  t.after(() => void socket.destroy());
  await once(socket, 'connect');
  return new CallerTo(socket);
}
