/** cronctl history: what became of jobs → stdout. */
import type { Answer } from '../control/client.ts';
import { type End, listen } from '../control/listen.ts';
import type { RunInfo } from '../control/answers.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { systemClock } from '../system/clock.ts';
import { isFailure, isLeftOut } from '../system/record.ts';
import { columns } from './columns.ts';
import { failureOf, notRunning, socketOf } from './inquiry.ts';
import { bytesText, duration, harmless } from './lines.ts';
import { longOptions } from './longs.ts';
import { type Look, lookOf, paint } from './look.ts';
import { refuseOperands, show } from './shown.ts';
import { say } from './terminal.ts';
import { readPast } from './when.ts';

const USAGE = `usage:\tcronctl history [--user USER] [--failed] [--since T] [-n N] [--json] [--config FILE]

\t--user USER\t(the jobs of this user)
\t--failed\t(those that failed, could not be started, or ended nobody knows how)
\t--since T\t(2h, 1d, today, yesterday, 2026-11-22, 2026-11-22T13:05, 2026-11-22T13:05Z)
\t-n N\t(at most so many, the latest; 20, but with --since all)
\t--json\t(an object a line)
\t--config FILE\t(read this file and not /etc/mailcron.toml)`;

const NAMES = 'user: failed since: json config: help'.split(' ');

/** Without -n: so many, and with --since so many. */
const USUAL = 20;
const MOST = 100_000;

/** Tell what became of jobs, the latest last. */
export async function history(args: readonly string[]): Promise<number> {
  const { options, operands } = longOptions(args, NAMES, 'n:', USAGE);
  if (options.has('help')) return show(USAGE);
  refuseOperands(operands, USAGE);
  const now = Date.now();
  const since = readSince(options.get('since'), now);
  const limit = readLimit(options.get('n')) ?? (since === undefined ? USUAL : MOST - 1);
  const runs = await askRuns(options.get('config'), {
    user: options.get('user'),
    failed: options.has('failed'),
    since: since === undefined ? undefined : new Date(since).toISOString(),
    limit: limit + 1, // one more tells whether there are more
  });
  const told = runs.slice(0, limit).toReversed();
  if (limit >= MOST - 1 && runs.length > limit)
    say(`cronctl: there are more: of so many only the latest ${limit} are shown`);
  if (!options.has('json'))
    return show(asTable(told, runs.length > limit, now, lookOf(process.stdout, process.env)));
  return told.length === 0 ? EXIT.OK : show(told.map((run) => JSON.stringify(run)).join('\n'));
}

/** Which runs: what the request `history` takes. */
interface Wanted {
  readonly user: string | undefined;
  readonly failed: boolean;
  readonly since: string | undefined;
  readonly limit: number;
}

/** Ask for runs, page after page; the latest come first. */
async function askRuns(config: string | undefined, wanted: Wanted): Promise<RunInfo[]> {
  const socket = await socketOf(config);
  const answers = listen(socket, { request: 'history', ...wanted });
  const runs: RunInfo[] = [];
  const take = (answer: Answer): void => {
    if (!answer.ok) throw failureOf(answer);
    runs.push(...(answer.runs ?? []));
    const { trouble } = answer;
    if (trouble !== undefined) say(`cronctl: the latest runs may be missing: ${harmless(trouble)}`);
  };
  const end = await each(answers, take);
  if (end === 'absent') throw notRunning(socket);
  if (end === 'cut') throw new Failure(CUT, { exit: EXIT.TEMPORARY });
  return runs;
}

const CUT = 'cron hung up before all was told: try again';

async function each(
  answers: AsyncGenerator<Answer, End>,
  take: (answer: Answer) => void,
): Promise<End> {
  try {
    for (;;) {
      const next = await answers.next();
      if (next.done === true) return next.value;
      take(next.value);
    }
  } finally {
    await answers.return('said'); // hangs up
  }
}

function misused(problem: string): Failure {
  return new Failure(`usage error: ${problem}\n${USAGE}`, { exit: EXIT.USAGE });
}

function readSince(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const at = readPast(text, now, (when) => systemClock().offset(when, ''));
  if (at === null)
    throw misused(
      `--since "${text}" is no time: write 2h, 1d, today, yesterday, 2026-11-22 or 2026-11-22T13:05`,
    );
  if (at > now) throw misused(`--since "${text}" is yet to come`);
  return at;
}

function readLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw misused(`-n "${text}" is no number from 1 to ${MOST - 1}`);
}

const HEADINGS = ['WHEN', 'TOOK', 'HOW', 'MAIL', 'USER', 'RUN'];
/** Where lines have so much room, it is said what jobs used. */
const WIDE = 110;
const USED = ['CPU', 'MEMORY', 'OUTPUT'];

/** Runs in lines for people, those that failed in red. */
export function asTable(
  runs: readonly RunInfo[],
  isMore: boolean,
  now: number,
  look: Look,
): string {
  if (runs.length === 0) return 'no run is known';
  const isWide = look.width >= WIDE;
  const rows = runs.map((run) => [
    ...row(run, now),
    ...(isWide ? used(run) : []),
    harmless(run.command),
  ]);
  const headings = [...HEADINGS, ...(isWide ? USED : []), 'COMMAND'];
  const numbers = new Set([1, ...(isWide ? [6, 7, 8] : [])]);
  const [head = '', ...lines] = columns([headings, ...rows], numbers, look.width);
  const coloured = lines.map((line, at) => {
    const { outcome } = runs[at] ?? {};
    if (outcome === undefined || outcome === 'succeeded') return line;
    return paint(look, isFailure({ outcome }) ? 'bad' : 'warn', line);
  });
  const note = isMore ? [paint(look, 'dim', `the latest ${runs.length}: -n tells of more`)] : [];
  return [...note, paint(look, 'bold', head), ...coloured].join('\n');
}

function row(run: RunInfo, now: number): string[] {
  const { started, ended, user } = run;
  const at = started ?? ended;
  const took =
    started === null || ended === null || isLeftOut(run)
      ? ''
      : tookOf(Date.parse(ended) - Date.parse(started));
  return [
    at === null ? '' : timeAsLs(Date.parse(at), now),
    took,
    how(run),
    mailed(run, now),
    harmless(user),
    harmless(run.run),
  ];
}

function used({ cpu, memory, bytes }: RunInfo): string[] {
  return [
    cpu === null ? '' : tookOf(cpu * 1000),
    memory === null ? '' : bytesText(memory),
    bytes === 0 ? '' : bytesText(bytes),
  ];
}

/** What became of the mail in the end, and when, if that was later; an older cron does not tell. */
export function mailed({ mail, mailLater, mailLaterAt }: RunInfo, now: number): string {
  if (typeof mailLater !== 'string') return MAILS[mail] ?? harmless(mail);
  const what = mailLater === 'given-up' ? 'given up' : harmless(mailLater);
  return mailLaterAt === null ? what : `${what} ${timeAsLs(Date.parse(mailLaterAt), now)}`;
}

const MAILS: Readonly<Record<RunInfo['mail'], string>> = {
  none: '',
  mailer: 'sent',
  mailboxes: 'mailbox',
  outbox: 'waits',
  dropped: 'dropped',
};

/** How it ended, in a word or two. */
export function how({ outcome, exit, signal, timedOut }: RunInfo): string {
  if (timedOut) return 'timed out';
  if (outcome === 'succeeded') return 'ok';
  if (signal !== null) return harmless(signal);
  return outcome === 'failed' && exit !== null
    ? `exit ${exit}`
    : harmless(outcome).replaceAll('-', ' ');
}

/** `0.3 s`, and what is longer as everywhere. */
function tookOf(ms: number): string {
  return ms < 10_000 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s` : duration(ms);
}

const HALF_A_YEAR = 183 * 86_400_000;
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** `Nov 22 14:05`, and half a year later `Nov 22  2026`, as ls(1) has it. */
function timeAsLs(at: number, now: number): string {
  const date = new Date(at);
  const day = `${MONTHS[date.getMonth()]} ${`${date.getDate()}`.padStart(2)}`;
  if (now - at > HALF_A_YEAR) return `${day}  ${date.getFullYear()}`;
  const clock = [date.getHours(), date.getMinutes()].map((n) => `${n}`.padStart(2, '0'));
  return `${day} ${clock.join(':')}`;
}
