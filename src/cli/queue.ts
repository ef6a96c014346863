/** sendmail -bp and -q, mailq(1): the mails that wait in cron's outbox → stdout, as sendmail(8) tells them; and tried now. */
import { join } from 'node:path';
import { ask, type Question } from '../control/client.ts';
import type { MailInfo } from '../control/answers.ts';
import { SOCKET_NAME, type Success } from '../control/protocol.ts';
import { mailDate } from '../core/date.ts';
import type { Config } from '../system/config.ts';
import { EXIT, Failure, reason } from '../system/failure.ts';
import { harmless } from './lines.ts';

/** Tell the caller's mails; to root, all. */
export async function queueOf(config: Config): Promise<string> {
  const { mails = [], count = mails.length } = await inquire(config, { request: 'mailq' });
  return asQueue(mails, count);
}

/** Have the caller's mails tried now; for root, all. */
export async function flushQueue(config: Config): Promise<void> {
  await inquire(config, { request: 'flush' });
}

async function inquire({ paths }: Config, question: Question): Promise<Success> {
  const socket = join(paths.run, SOCKET_NAME);
  const answer = await ask(socket, question).catch((error: unknown) => {
    throw new Failure(reason(error), { exit: EXIT.TEMPORARY, cause: error });
  });
  if (answer === null) {
    const problem = `The queue is cron's, and cron is not running: nobody listens at "${socket}"`;
    throw new Failure(problem, { exit: EXIT.UNAVAILABLE });
  }
  if (answer.ok) return answer;
  throw new Failure(answer.message, { exit: EXIT.TEMPORARY });
}

/** Mails as sendmail's queue shows them: id, size, time and sender, the reason, the recipients. */
export function asQueue(mails: readonly MailInfo[], all: number): string {
  if (mails.length === 0) return 'Mail queue is empty\n';
  const width = Math.max(...mails.map(({ id }) => id.length), 'Queue-ID'.length) + 1;
  const lines = mails.flatMap((mail) => {
    const { id, trying, size, since, user, state, reason: why, recipients } = mail;
    const mark = trying === null ? (state === 'given up' ? '-' : ' ') : '*';
    const first = `${`${harmless(id)}${mark}`.padEnd(width)} ${`${size}`.padStart(8)} ${dateOf(since)} ${harmless(user)}`;
    const told = why === '' ? [] : [`${' '.repeat(8)} (${harmless(why.replaceAll('\n', ' '))})`];
    const to = recipients.map((one) => `${' '.repeat(width + 27)} ${harmless(one)}`);
    return [first, ...told, ...to];
  });
  const heading = `${'Queue-ID'.padEnd(width)} ${'Size'.padStart(8)} ${'Arrived'.padEnd(16)} User and recipients`;
  return [heading, ...lines, `Total requests: ${all}`].map((line) => `${line}\n`).join('');
}

/** `Sun Nov 22 17:20`, by the clock here. */
function dateOf(since: string): string {
  const at = new Date(since);
  const [weekday = '', day = '', month = '', , time = ''] = mailDate(
    at.getTime(),
    -at.getTimezoneOffset(),
  ).split(/[ ,]+/);
  return `${weekday} ${month} ${day.padStart(2)} ${time.slice(0, 5)}`;
}
