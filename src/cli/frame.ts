/** What cronctl top knows → the lines of a screen. */
import type { EndedInfo, RunningInfo, StatusInfo } from '../control/answers.ts';
import { bytesText, cut, duration, harmless, localTime } from './lines.ts';
import { type Look, paint } from './look.ts';
import { type Columns, howOf, mailLines, NEXT, nextRow, summary, table } from './status.ts';

/** What a job takes; null: that is not known, or not yet. */
export interface Usage {
  /** Percent of one processor since the last look. */
  readonly cpu: number | null;
  /** In bytes. */
  readonly memory: number | null;
}

/** By what the jobs are sorted, the largest first. */
export const ORDERS = ['age', 'cpu', 'memory', 'output'] as const;
export type Order = (typeof ORDERS)[number];

/** What there is to show. */
export interface View {
  readonly status: StatusInfo;
  /** Why it is not known what is so now; '' if it is. */
  readonly problem: string;
  /** By run. */
  readonly usage: ReadonlyMap<string, Usage>;
  readonly order: Order;
  /** So many jobs are above the screen. */
  readonly above: number;
  readonly now: number;
}

/** What comes and what ended have so many rows at most, and a quarter of the screen each. */
const LIST = 5;
const KEYS = 'q quit   s sort   up, down scroll   space look now';

/** What is to be drawn. */
export interface Frame {
  readonly lines: readonly string[];
  /** How many jobs are above the screen: no more than there are. */
  readonly above: number;
}

/** Lay it out in so many rows, the keys in the last one. */
export function frame(view: View, rows: number, look: Look): Frame {
  const { status, now } = view;
  const head = headOf(view, look);
  const each = Math.max(0, Math.min(LIST, Math.floor(rows / 4) - 2));
  const next = (status.next ?? []).slice(0, each).map((one) => nextRow(one, now));
  const ended = (status.ended ?? []).slice(0, each);
  const below = [
    section(table(look, NEXT, next)),
    section(
      table(
        look,
        ENDED,
        ended.map((one) => endedRow(one, now)),
      ).map((line, at) =>
        // Above the first row are the headings.
        at > 0 && ended[at - 1]?.result !== 'succeeded' ? paint(look, 'bad', line) : line,
      ),
    ),
  ].flat();
  const room = Math.max(0, rows - head.length - below.length - 1);
  const { lines: jobs, above } = jobsOf(view, room, look);
  const filling = Array.from({ length: Math.max(0, room - jobs.length) }, () => '');
  const keys = paint(look, 'reverse', cut(KEYS, look.width).padEnd(look.width));
  const lines = [...head, ...jobs, ...filling, ...below].slice(0, Math.max(0, rows - 1));
  return { lines: [...lines, keys], above };
}

function headOf({ status, problem, order, now }: View, look: Look): string[] {
  const { version, pid, started, runners } = status;
  const left = `cron ${harmless(version)}  pid ${pid}  up ${duration(now - Date.parse(started))}`;
  const clock = `${localTime(now).slice(0, -6)}:${new Date(now).toISOString().slice(17, 19)}`;
  const gap = look.width - left.length - clock.length;
  const first = gap > 0 ? `${left}${' '.repeat(gap)}${clock}` : cut(left, look.width);
  const facts = `${summary(status)}, ${runners === 1 ? '1 runner' : `${runners} runners`}; sorted by ${order}`;
  return [
    paint(look, 'bold', first),
    cut(facts, look.width),
    ...mailLines(status).map((line) => paint(look, 'warn', cut(line, look.width))),
    ...(problem === '' ? [] : [paint(look, 'bad', cut(harmless(problem), look.width))]),
    '',
  ];
}

const RUNNING: Columns = {
  headings: ['USER', 'PID', 'FOR', 'CPU%', 'MEMORY', 'OUTPUT', 'COMMAND'],
  numbers: new Set([1, 3, 4, 5]),
};

function jobsOf({ status, usage, order, above, now }: View, room: number, look: Look): Frame {
  const { running, jobs } = status;
  if (running.length === 0) return { lines: ['no job is running'].slice(0, room), above: 0 };
  const sorted = sortedBy(order, running, usage);
  const isCut = jobs + 1 > room;
  const fitting = Math.max(1, room - (isCut ? 2 : 1));
  const first = Math.min(above, Math.max(0, sorted.length - fitting));
  const shown = sorted.slice(first, first + fitting);
  const rows = shown.map((job) => runningRow(job, usage.get(job.run), now));
  const rest = isCut ? [`${first + 1} to ${first + shown.length} of ${jobs}`] : [];
  return { lines: [...table(look, RUNNING, rows), ...rest].slice(0, room), above: first };
}

function sortedBy(
  order: Order,
  running: readonly RunningInfo[],
  usage: View['usage'],
): readonly RunningInfo[] {
  const worth: Record<Order, (job: RunningInfo) => number> = {
    age: ({ since }) => (since === undefined ? 0 : -Date.parse(since)),
    cpu: ({ run }) => usage.get(run)?.cpu ?? 0,
    memory: ({ run }) => usage.get(run)?.memory ?? 0,
    output: ({ bytes = 0 }) => bytes,
  };
  return running.toSorted((a, b) => worth[order](b) - worth[order](a));
}

function runningRow(job: RunningInfo, usage: Usage | undefined, now: number): string[] {
  const { user, pid, since, bytes, command = '' } = job;
  const [cpu, memory] = [usage?.cpu ?? null, usage?.memory ?? null];
  return [
    harmless(user),
    pid === 0 ? '' : `${pid}`,
    since === undefined ? '' : duration(now - Date.parse(since)),
    cpu === null ? '-' : cpu.toFixed(1),
    memory === null ? '-' : bytesText(memory),
    bytes === undefined ? '-' : bytesText(bytes),
    harmless(command),
  ];
}

const ENDED: Columns = { headings: ['ENDED', 'HOW', 'AFTER', 'USER', 'COMMAND'] };

function endedRow(ended: EndedInfo, now: number): string[] {
  const { at, seconds, user, command } = ended;
  const ago = `${duration(now - Date.parse(at))} ago`;
  return [ago, howOf(ended), duration(seconds * 1000), harmless(user), harmless(command)];
}

function section(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', ...lines];
}
