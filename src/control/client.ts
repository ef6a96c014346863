/** A request for the cron that listens at a socket → its answer, or that there is none. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { EXIT, errorCode, Failure, reason } from '../system/failure.ts';
import { Frames } from './frames.ts';
import {
  ANSWER_LIMIT,
  decodeAnswer,
  encodeHead,
  type Refusal,
  type RequestHead,
  type Success,
} from './protocol.ts';

/** What is asked for; what is undefined is left out. */
export interface Question {
  readonly request: string;
  readonly user?: string | undefined;
  readonly seen?: string | undefined;
  readonly number?: number | undefined;
  readonly body?: Buffer | Stream | undefined;
  /** What a later request adds. */
  readonly [field: string]: unknown;
}

/** A body that is read while it is sent, from its beginning with each attempt. */
export interface Stream {
  readonly length: number;
  pieces(): AsyncIterable<Uint8Array>;
}

/** What cron says to it. */
export type Answer = (Success & { readonly body: Buffer }) | Refusal;

/** How long a client waits, in milliseconds. */
export interface Patience {
  /** For the next byte from a cron that has taken the request. */
  readonly silence: number;
  /** For a cron that is busy, all attempts together. */
  readonly busy: number;
}

const PATIENCE: Patience = { silence: 60_000, busy: 10_000 };
/** First pause before another attempt; each next one is twice as long, and a little random. */
const PAUSE = 20;
const LONGEST_PAUSE = 1000;

/** More than any body that an answer may have: a table, as large as it may lie in the spool. */
const BODY_LIMIT = 32 * 1024 * 1024;

/**
 * Ask; while cron is busy, again.
 * @returns null: no cron is running there
 * @throws {Failure} when what is there does not answer as cron does
 */
export async function ask(
  socket: string,
  question: Question,
  patience: Patience = PATIENCE,
): Promise<Answer | null> {
  const deadline = now() + patience.busy;
  for (let wait = PAUSE; ; wait = Math.min(2 * wait, LONGEST_PAUSE)) {
    const answer = await askOnce(socket, question, patience.silence);
    const isBusy = answer?.ok === false && answer.error === 'busy';
    if (!isBusy || now() + wait > deadline) return answer;
    await pause(wait * (0.5 + Math.random()));
  }
}

/** Milliseconds, of a clock that nobody sets; `performance` loads ten modules of Node's at its first use. */
function now(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Its queue is full, or it hung up before the request was whole: nothing has been done. */
const BUSY: Refusal = { ok: false, error: 'busy', message: 'cron has too much to do: try again' };

/** What connect(2) says where nobody listens. */
const ABSENT = ['ENOENT', 'ECONNREFUSED'];

async function askOnce(
  socket: string,
  { body, ...fields }: Question,
  silence: number,
): Promise<Answer | null> {
  const failed = (why: string, cause?: unknown): Failure =>
    new Failure(`Cannot ask cron at "${socket}": ${why}`, { exit: EXIT.FAILURE, cause });
  const request: Omit<RequestHead, 'version'> = { ...fields, length: body?.length ?? 0 };
  const connection = connect(socket);
  connection.setTimeout(silence, () => {
    connection.destroy(failed(`no answer in ${silence / 1000} s${UNKNOWN}`));
  });
  try {
    await once(connection, 'connect');
    connection.cork(); // head and body in one piece
    connection.write(encodeHead(request));
    if (Buffer.isBuffer(body)) connection.write(body);
    connection.uncork();
    // Cron may answer before all is said; what breaks off here ends the reading of the answer too.
    if (body !== undefined && !Buffer.isBuffer(body))
      void pour(body, connection).catch((error: unknown) => connection.destroy(asError(error)));
    const answer = await readAnswer(connection);
    if (answer !== null) return answer;
    throw failed(`it hung up before it answered${UNKNOWN}`);
  } catch (error) {
    if (error instanceof Failure) throw error;
    const [code, syscall] = [errorCode(error) ?? '', syscallOf(error)];
    if (syscall === 'connect' && ABSENT.includes(code)) return null;
    if (code === 'EAGAIN' || syscall === 'write') return BUSY;
    throw failed(reason(error), error);
  } finally {
    connection.destroy();
  }
}

/** Send a stream, as fast as it is taken. */
async function pour(body: Stream, connection: Socket): Promise<void> {
  for await (const piece of body.pieces()) {
    if (connection.destroyed) return;
    await new Promise<void>((resolve) => connection.write(piece, () => resolve()));
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** It may have made a change all the same. */
const UNKNOWN = '; whether it did what it was asked for is not known';

/** Read head and body; null: it ended before. */
async function readAnswer(connection: AsyncIterable<Buffer>): Promise<Answer | null> {
  const frames = new Frames();
  let success: Success | null = null;
  for await (const piece of connection) {
    frames.add(piece);
    if (success === null) {
      const line = frames.line(ANSWER_LIMIT);
      if (line === null) continue;
      const answer = line === 'too long' ? null : decodeAnswer(line);
      if (answer === null) throw new Error(STRANGE);
      if (!answer.ok) return answer;
      if ((answer.length ?? 0) > BODY_LIMIT) throw new Error(STRANGE);
      success = answer;
    }
    const length = success.length ?? 0;
    if (frames.length >= length) return { ...success, body: frames.bytes(length) };
  }
  return null;
}

const STRANGE = 'what it says is no answer of cron; is it of another version?';

function syscallOf(error: unknown): string {
  return error instanceof Error && 'syscall' in error ? String(error.syscall) : '';
}
