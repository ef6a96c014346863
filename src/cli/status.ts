/** cronctl status and reload: what the daemon is doing → stdout; its crontabs → looked at now. */
import type { RunningInfo, StatusInfo } from '../control/protocol.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { columns, count } from './columns.ts';
import { inquire } from './inquiry.ts';
import { duration, harmless, localTime } from './lines.ts';
import { longOptions } from './longs.ts';
import { print } from './terminal.ts';

const STATUS_USAGE = `usage:\tcronctl status [--json] [--config FILE]

\t--json\t(an object)
\t--config FILE\t(read this file and not /etc/mailcron.toml)`;

const RELOAD_USAGE = `usage:\tcronctl reload [--config FILE]

\t--config FILE\t(read this file and not /etc/mailcron.toml)`;

/** Tell whether cron is running, and what it is doing; the exit status says whether. */
export async function status(args: readonly string[]): Promise<number> {
  const { options, operands } = longOptions(args, ['json', 'config:', 'help'], '', STATUS_USAGE);
  if (options.has('help')) return show(STATUS_USAGE);
  refuseOperands(operands, STATUS_USAGE);
  const answer = await inquire({ request: 'status' }, options.get('config'));
  const { status: told } = answer;
  if (told === undefined) throw new Failure('cron tells no status', { exit: EXIT.FAILURE });
  return show(options.has('json') ? JSON.stringify(told) : asText(told, Date.now()));
}

/** Have cron look at its crontabs now; returns when it has. */
export async function reload(args: readonly string[]): Promise<number> {
  const { options, operands } = longOptions(args, ['config:', 'help'], '', RELOAD_USAGE);
  if (options.has('help')) return show(RELOAD_USAGE);
  refuseOperands(operands, RELOAD_USAGE);
  await inquire({ request: 'reload' }, options.get('config'));
  return EXIT.OK;
}

function refuseOperands([first]: readonly string[], usage: string): void {
  if (first !== undefined)
    throw new Failure(`usage error: "${first}" is no option\n${usage}`, { exit: EXIT.USAGE });
}

async function show(text: string): Promise<number> {
  return (await print(Buffer.from(`${text}\n`))) ? EXIT.OK : EXIT.FAILURE;
}

/** The status in lines for people. */
export function asText(told: StatusInfo, now: number): string {
  const { pid, version, crontabs, entries, jobs, running, mails } = told;
  const started = Date.parse(told.started);
  const head = [
    `cron ${harmless(version)} is running with pid ${pid} since ${localTime(started)} (${duration(now - started)})`,
    `${count(crontabs, 'crontab')}, ${count(entries, 'entry', 'entries')}, ${count(jobs, 'running job')}`,
    ...(mails === undefined ? [] : mailLines(mails)),
  ];
  if (running.length === 0) return head.join('\n');
  const table = columns([HEADINGS, ...running.map((job) => row(job, now))]);
  const rest = jobs - running.length;
  if (rest > 0) table.push(`and ${rest} more`);
  return [...head, '', ...table].join('\n');
}

/** Nothing, if there is none. */
function mailLines({ waiting, failed }: NonNullable<StatusInfo['mails']>): string[] {
  const said = [
    ...(waiting > 0 ? [count(waiting, 'mail waits', 'mails wait')] : []),
    ...(failed > 0 ? [count(failed, 'mail is given up', 'mails are given up')] : []),
  ];
  return said.length > 0 ? [`${said.join(', ')}: see "cronctl mailq"`] : [];
}

const HEADINGS = ['USER', 'PID', 'FOR', 'RUN', 'COMMAND'];

function row({ user, pid, since, run, command = '' }: RunningInfo, now: number): string[] {
  const age = since === undefined ? '' : duration(now - Date.parse(since));
  return [harmless(user), pid === 0 ? '' : `${pid}`, age, harmless(run), harmless(command)];
}
