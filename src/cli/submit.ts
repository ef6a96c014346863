/** A mail of cron-sendmail → the outbox of the cron that is running, if one takes it. */
import { join } from 'node:path';
import { ask } from '../control/client.ts';
import { type Fault, SOCKET_NAME } from '../control/protocol.ts';
import { packLabel } from '../mail/parcel.ts';
import type { Config } from '../system/config.ts';
import { EXIT, Failure, reason } from '../system/failure.ts';
import type { Outgoing } from '../system/outgoing.ts';
import { NO_SUCH_USER, type Unreached } from './handon.ts';

/** Faults of a cron that is not for this caller: as if there were none. */
const NOT_FOR_US: readonly Fault[] = ['unknown-request', 'unknown-user', 'denied'];
/** Faults that another try does not mend. */
const LASTING: Partial<Record<Fault, number>> = {
  'too-large': EXIT.DATA,
  garbled: EXIT.SOFTWARE,
  version: EXIT.SOFTWARE,
};

/**
 * Hand a mail in. It is on the disk when this returns.
 * @returns whom it will not reach; null: there is no cron that takes it
 * @throws {Failure} when cron does not take it, or it is not known whether it did
 */
export async function submit(
  mail: Outgoing,
  { paths }: Config,
): Promise<readonly Unreached[] | null> {
  const { parts, bytes } = packLabel(mail);
  const body = {
    length: bytes.length + mail.size,
    async *pieces() {
      yield bytes;
      yield* mail.chunks();
    },
  };
  const socket = join(paths.run, SOCKET_NAME);
  let answer: Awaited<ReturnType<typeof ask>>;
  try {
    answer = await ask(socket, { request: 'submit', ...parts, body });
  } catch (error) {
    throw new Failure(reason(error), { exit: EXIT.TEMPORARY, cause: error });
  }
  if (answer === null) return null;
  if (!answer.ok) {
    if (NOT_FOR_US.includes(answer.error)) return null;
    const problem = `cron does not take the message: ${answer.message}`;
    throw new Failure(problem, { exit: LASTING[answer.error] ?? EXIT.TEMPORARY });
  }
  const { refused } = answer;
  if (!Array.isArray(refused)) return [];
  return mail.recipients
    .filter((_, at) => refused.includes(at))
    .map((recipient) => ({ recipient, ...NO_SUCH_USER }));
}
