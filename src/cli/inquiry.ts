/** What cronctl asks of the cron that is running → its answer; all else is a Failure. */
import { join } from 'node:path';
import { ask, type Question } from '../control/client.ts';
import { type Fault, SOCKET_NAME, type Success } from '../control/protocol.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { readSettings } from './session.ts';

/** Ask; `config` is the configuration that a command line names. */
export async function inquire(question: Question, config: string | undefined): Promise<Success> {
  const { paths } = await readSettings(config);
  const socket = join(paths.run, SOCKET_NAME);
  const answer = await ask(socket, question);
  if (answer === null)
    throw new Failure(`cron is not running: nobody listens at "${socket}"`, {
      exit: EXIT.NOT_RUNNING,
    });
  if (answer.ok) return answer;
  throw new Failure(answer.message, { exit: STATUSES[answer.error] ?? EXIT.FAILURE });
}

const STATUSES: Partial<Record<Fault, number>> = {
  denied: EXIT.NO_PERMISSION,
  busy: EXIT.TEMPORARY,
  timeout: EXIT.TEMPORARY,
};
