/** What cronctl asks of the cron that is running → its answer; all else is a Failure. */
import { join } from 'node:path';
import { ask, type Question } from '../control/client.ts';
import { type Fault, type Refusal, SOCKET_NAME, type Success } from '../control/protocol.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { columns } from './columns.ts';
import { harmless } from './lines.ts';
import { configuration } from '../system/defaults.ts';

/** Ask; `config` is the configuration that a command line names. */
export async function inquire(
  question: Question,
  config: string | undefined,
): Promise<Success & { readonly body: Buffer }> {
  const socket = await socketOf(config);
  const answer = await ask(socket, question);
  if (answer === null) throw notRunning(socket);
  if (answer.ok) return answer;
  throw failureOf(answer);
}

/** The socket of that configuration's cron. */
export async function socketOf(config: string | undefined): Promise<string> {
  const { paths } = await configuration({ config }, process.env);
  return join(paths.run, SOCKET_NAME);
}

export function notRunning(socket: string): Failure {
  const problem = `cron is not running: nobody listens at "${socket}"`;
  return new Failure(problem, { exit: EXIT.NOT_RUNNING });
}

/** What cron refuses, with what may be meant instead. */
export function failureOf(refused: Refusal): Failure {
  const { error, message, candidates = [] } = refused;
  const rows = candidates.map(({ name, user, command }) => [name, user, command].map(harmless));
  const told = columns(rows).map((line) => `\n    ${line}`);
  return new Failure(`${harmless(message)}${told.join('')}`, {
    exit: STATUSES[error] ?? EXIT.FAILURE,
    cause: refused,
  });
}

/** Know what cron says when there is nothing of that name. */
export function isNone(error: unknown): boolean {
  if (!(error instanceof Failure)) return false;
  const { cause } = error;
  return typeof cause === 'object' && cause !== null && 'error' in cause && cause.error === 'none';
}

const STATUSES: Partial<Record<Fault, number>> = {
  denied: EXIT.NO_PERMISSION,
  'not-allowed': EXIT.NO_PERMISSION,
  'unknown-user': EXIT.NO_USER,
  busy: EXIT.TEMPORARY,
  running: EXIT.TEMPORARY,
  timeout: EXIT.TEMPORARY,
};
