/** A request for the cron that listens at a socket → its answers, as they come. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { EXIT, errorCode, Failure, reason } from '../system/failure.ts';
import type { Answer, Question } from './client.ts';
import { Cut, Input } from './input.ts';
import { ANSWER_LIMIT, decodeAnswer, encodeHead } from './protocol.ts';

/** How it ended: cron has said all; it hung up before; or no cron is running there. */
export type End = 'said' | 'cut' | 'absent';

/** Cron gives a sign of life every ten seconds. */
const SILENCE = 60_000;
/** Of one part's body. */
const PART_LIMIT = 1024 * 1024;

/**
 * Ask, and hear one answer after the other.
 * @throws {Failure} when what is there does not answer as cron does
 */
export async function* listen(
  socket: string,
  question: Omit<Question, 'body'>,
): AsyncGenerator<Answer, End> {
  const failed = (why: string, cause?: unknown): Failure =>
    new Failure(`Cannot ask cron at "${socket}": ${why}`, { exit: EXIT.FAILURE, cause });
  const connection = connect(socket);
  connection.setTimeout(SILENCE, () => connection.destroy());
  try {
    try {
      await once(connection, 'connect');
    } catch (error) {
      if (['ENOENT', 'ECONNREFUSED'].includes(errorCode(error) ?? '')) return 'absent';
      if (errorCode(error) === 'EAGAIN') return 'cut';
      throw failed(reason(error), error);
    }
    connection.on('error', () => {}); // the reading ends
    connection.write(encodeHead(question));
    const input = new Input(connection);
    for (;;) {
      const line = await input.line(ANSWER_LIMIT);
      if (line === null) return 'cut';
      const head = line === 'too long' ? null : decodeAnswer(line);
      const length = head?.ok === true ? (head.length ?? 0) : 0;
      if (head === null || length > PART_LIMIT)
        throw failed('what it says is no answer of cron; is it of another version?');
      input.expectBody(length);
      const body = await input.body();
      yield head.ok ? { ...head, body } : head;
      if (!head.ok || head.more !== true) return 'said';
    }
  } catch (error) {
    if (error instanceof Cut) return 'cut';
    throw error;
  } finally {
    connection.destroy();
  }
}
