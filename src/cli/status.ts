/** cronctl status: what the daemon is doing → stdout. */
import type {
  EndedInfo,
  NextInfo,
  RunnerInfo,
  RunningInfo,
  StatusInfo,
} from '../control/answers.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { columns, count } from './columns.ts';
import { inquire } from './inquiry.ts';
import { bytesText, clockTime, distance, duration, harmless, localTime } from './lines.ts';
import { longOptions } from './longs.ts';
import { type Look, lookOf, paint } from './look.ts';
import { refuseOperands, show } from './shown.ts';

const USAGE = `usage:\tcronctl status [--json] [--config FILE]

\t--json\t(an object)
\t--config FILE\t(read this file and not /etc/mailcron.toml)`;

/** Tell whether cron is running, and what it is doing; the exit status says whether. */
export async function status(args: readonly string[]): Promise<number> {
  const { options, operands } = longOptions(args, ['json', 'config:', 'help'], '', USAGE);
  if (options.has('help')) return show(USAGE);
  refuseOperands(operands, USAGE);
  const told = await askStatus(options.get('config'));
  if (options.has('json')) return show(JSON.stringify(told));
  return show(asText(told, Date.now(), lookOf(process.stdout, process.env)));
}

/** Ask the daemon of a configuration what it is doing. */
export async function askStatus(config: string | undefined): Promise<StatusInfo> {
  const { status: told } = await inquire({ request: 'status' }, config);
  if (told === undefined) throw new Failure('cron tells no status', { exit: EXIT.FAILURE });
  return told;
}

/** Of what comes and what failed so much is shown; --json tells more. */
const SHOWN = 5;

/** The status in lines for people. */
export function asText(told: StatusInfo, now: number, look: Look): string {
  const { version, pid, jobs, running, runnerList = [], next = [], failures = [] } = told;
  const { waiting = [], waits = 0 } = told;
  const started = Date.parse(told.started);
  const head = [
    `cron ${harmless(version)} is running with pid ${pid} since ${localTime(started)} (${duration(now - started)})`,
    summary(told),
    ...mailLines(told).map((line) => paint(look, 'warn', line)),
  ];
  const rest = jobs + waits - running.length - waiting.length;
  const sections = [
    table(look, RUNNERS, runnerList.map(runnerRow)),
    [
      ...table(look, RUNNING, [
        ...running.map((job) => runningRow(job, now)),
        ...waiting.map((job) => runningRow({ ...job, state: 'waits' }, now)),
      ]),
      ...(rest > 0 ? [`and ${rest} more`] : []),
    ],
    table(
      look,
      NEXT,
      next.slice(0, SHOWN).map((each) => nextRow(each, now)),
    ),
    table(
      look,
      FAILED,
      failures.slice(0, SHOWN).map((each) => failedRow(each, now)),
    ),
  ];
  const shown = sections.filter(({ length }) => length > 0);
  return [head, ...shown].map((lines) => lines.join('\n')).join('\n\n');
}

/** How much there is of what. */
export function summary({ crontabs, entries, jobs, waits = 0 }: StatusInfo): string {
  const queue = waits > 0 ? `, ${waits} waiting` : '';
  return `${count(crontabs, 'crontab')}, ${count(entries, 'entry', 'entries')}, ${count(jobs, 'running job')}${queue}`;
}

/** Nothing, if there is none. */
export function mailLines({
  mails: { waiting, failed } = { waiting: 0, failed: 0 },
}: StatusInfo): string[] {
  const said = [
    ...(waiting > 0 ? [count(waiting, 'mail waits', 'mails wait')] : []),
    ...(failed > 0 ? [count(failed, 'mail is given up', 'mails are given up')] : []),
  ];
  return said.length > 0 ? [`${said.join(', ')}: see "cronctl mailq"`] : [];
}

/** The columns of a table. */
export interface Columns {
  readonly headings: readonly string[];
  /** Those to the right. */
  readonly numbers?: ReadonlySet<number>;
}

/** Rows below their headings; nothing, if there is none. */
export function table(
  look: Look,
  { headings, numbers }: Columns,
  rows: readonly (readonly string[])[],
): string[] {
  if (rows.length === 0) return [];
  const [head = '', ...lines] = columns([headings, ...rows], numbers, look.width);
  return [paint(look, 'bold', head), ...lines];
}

const RUNNERS: Columns = { headings: ['RUNNER', 'PID', 'JOBS', ''], numbers: new Set([1, 2]) };

function runnerRow({ id, pid, jobs, draining }: RunnerInfo): string[] {
  return [harmless(id), `${pid ?? '?'}`, `${jobs}`, draining ? 'ends after its last job' : ''];
}

const RUNNING: Columns = {
  headings: ['USER', 'PID', 'FOR', 'OUTPUT', 'RUN', 'COMMAND'],
  numbers: new Set([1, 3]),
};

function runningRow(job: RunningInfo & { readonly state?: string }, now: number): string[] {
  const { user, pid, since, bytes, run, command = '', state = pid === 0 ? '' : `${pid}` } = job;
  const age = since === undefined ? '' : duration(now - Date.parse(since));
  const printed = bytes === undefined ? '' : bytesText(bytes);
  return [harmless(user), state, age, printed, harmless(run), harmless(command)];
}

/** What starts soonest. */
export const NEXT: Columns = { headings: ['NEXT', 'AT', 'USER', 'COMMAND'] };

export function nextRow({ at, user, command }: NextInfo, now: number): string[] {
  const when = Date.parse(at);
  return [distance(Math.max(0, when - now)), atClock(when), harmless(user), harmless(command)];
}

/** What failed last. */
const FAILED: Columns = { headings: ['FAILED', 'HOW', 'AFTER', 'USER', 'RUN', 'COMMAND'] };

function failedRow(ended: EndedInfo, now: number): string[] {
  const { at, seconds, user, run, command } = ended;
  const ago = `${duration(now - Date.parse(at))} ago`;
  return [
    ago,
    howOf(ended),
    duration(seconds * 1000),
    harmless(user),
    harmless(run),
    harmless(command),
  ];
}

/** How a job ended, in a word or two. */
export function howOf({ result, exit, signal }: EndedInfo): string {
  if (typeof signal === 'string') return harmless(signal);
  return typeof exit === 'number' ? `exit ${exit}` : result;
}

/** `Sun 14:05` */
function atClock(at: number): string {
  const [day = '', , time = ''] = clockTime(at, -new Date(at).getTimezoneOffset()).split(' ');
  return `${day} ${time}`;
}
