/** cronctl mailq and flush: the mails that wait → stdout; and tried now. */
import type { MailInfo } from '../control/answers.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { columns, count } from './columns.ts';
import { inquire } from './inquiry.ts';
import { distance, duration, fit, harmless } from './lines.ts';
import { longOptions } from './longs.ts';
import { refuseOperands, show } from './shown.ts';
import { say } from './terminal.ts';

const MAILQ_USAGE = `usage:\tcronctl mailq [--json] [--config FILE]

\t--json\t(an object a line)
\t--config FILE\t(read this file and not /etc/mailcron.toml)`;

const FLUSH_USAGE = `usage:\tcronctl flush [--json] [--config FILE] [ID...]

\tID\t(as mailq shows it; all mails, if there is none)
\t--json\t(an object)
\t--config FILE\t(read this file and not /etc/mailcron.toml)`;

/** Tell which mails wait, or were given up. */
export async function mailq(args: readonly string[]): Promise<number> {
  const { options, operands } = longOptions(args, ['json', 'config:', 'help'], '', MAILQ_USAGE);
  if (options.has('help')) return show(MAILQ_USAGE);
  refuseOperands(operands, MAILQ_USAGE);
  const answer = await inquire({ request: 'mailq' }, options.get('config'));
  const { mails, count: all } = answer;
  if (mails === undefined) throw new Failure('cron tells of no mails', { exit: EXIT.FAILURE });
  if (!options.has('json')) return show(asTable(mails, all ?? mails.length, Date.now()));
  const lines = mails.map((mail) => JSON.stringify(mail));
  return lines.length === 0 ? EXIT.OK : show(lines.join('\n'));
}

/** Ids that go into one request. */
const AT_ONCE = 100;

/** Have mails tried now; the exit status says whether there are those that were named. */
export async function flush(args: readonly string[]): Promise<number> {
  const { options, operands } = longOptions(args, ['json', 'config:', 'help'], '', FLUSH_USAGE);
  if (options.has('help')) return show(FLUSH_USAGE);
  const strangers: string[] = [];
  const ask = async (ids?: readonly string[]): Promise<number> => {
    const { flushed, unknown = [] } = await inquire(
      { request: 'flush', ids },
      options.get('config'),
    );
    strangers.push(...unknown);
    return flushed ?? 0;
  };
  let flushed = 0;
  if (operands.length === 0) flushed = await ask();
  for (let at = 0; at < operands.length; at += AT_ONCE)
    flushed += await ask(operands.slice(at, at + AT_ONCE));
  const status = strangers.length === 0 ? EXIT.OK : EXIT.FAILURE;
  if (options.has('json')) {
    await show(JSON.stringify({ flushed, unknown: strangers }));
    return status;
  }
  for (const id of strangers) say(`cronctl: no mail "${harmless(id)}" waits`);
  if (operands.length === 0 || flushed > 0)
    await show(flushed === 0 ? NOTHING : `${count(flushed, 'mail is', 'mails are')} tried now`);
  return status;
}

const NOTHING = 'no mail waits';

/** Mails in lines for people, each with the reason why it is still there. */
export function asTable(mails: readonly MailInfo[], all: number, now: number): string {
  if (mails.length === 0) return NOTHING;
  const [head = '', ...rows] = columns(
    [HEADINGS, ...mails.map((mail) => row(mail, now))],
    new Set([2, 4]),
  );
  const lines = mails.flatMap(({ recipients, reason }, at) => [
    rows[at] ?? '',
    fit(`    to ${harmless(recipients.join(', '))}`),
    fit(`    ${harmless(reason.replaceAll('\n', ' '))}`),
  ]);
  if (all > mails.length) lines.push(`and ${all - mails.length} more`);
  return [head, ...lines].join('\n');
}

const HEADINGS = ['ID', 'USER', 'SIZE', 'SINCE', 'TRIES', 'NEXT'];

function row(mail: MailInfo, now: number): string[] {
  const { id, user, size, since, tries } = mail;
  return [
    harmless(id),
    harmless(user),
    `${size}`,
    duration(now - Date.parse(since)),
    `${tries}`,
    nextOf(mail, now),
  ];
}

function nextOf({ next, trying }: MailInfo, now: number): string {
  if (next === null) return 'given up';
  if (trying !== null) return 'now';
  const wait = Date.parse(next) - now;
  return wait <= 0 ? 'due' : distance(wait);
}
