/** cronctl next --timeline: how many jobs start in each minute → a picture, a row an hour and a column a minute. */
import type { Entry } from '../core/entry.ts';
import { MINUTE_MS } from '../core/spans.ts';
import type { Tab } from '../spool/tab.ts';
import { count } from './columns.ts';
import type { Crowd, Window } from './crowd.ts';
import { clockTime, cut, onOneLine } from './lines.ts';
import { type Colour, type Look, paint } from './look.ts';
import { userOf } from './upcoming.ts';

/** Signs for 1, 2, up to 4, 8, 16, 32 and 64 starts, and for more. */
const SIGNS = { unicode: '▁▂▃▄▅▆▇█', ascii: '-:=+*#%@' } as const;
/** The sign of a minute in which nothing starts. */
const EMPTY = { unicode: '·', ascii: '.' } as const;
/** The colours of the signs. */
const HEAT: readonly Colour[] = ['good', 'good', 'good', 'warn', 'warn', 'bad', 'bad', 'bad'];
/** Minutes a column, where there is no room for 60 columns. */
const STEPS = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60];
/** Before the columns: `14:00  `; after them: `  12345`. */
const [LABEL, TOTAL] = [7, 7];
/** Columns from which on there is room for whole dates. */
const ROOMY = 72;
/** So many minutes are told of. */
const CROWDED = 5;

/** Draw it. */
export function picture(
  crowds: ReadonlyMap<number, Crowd>,
  { from, until, offsets }: Window,
  look: Look,
): string[] {
  const step = STEPS.find((minutes) => 60 / minutes <= look.width - LABEL - TOTAL) ?? 60;
  const lines = [ruler(step)];
  let day = '';
  let highest = 0;
  for (const hour of hours(from, until, (at) => offsets('', at))) {
    const [date = '', time = '', offset = ''] = partsOf(hour.at, hour.offset);
    if (`${date} ${offset}` !== day) lines.push(paint(look, 'bold', `${date} ${offset}`));
    day = `${date} ${offset}`;
    const cells = Array.from({ length: 60 / step }, (_, column) =>
      cellOf(crowds, hour, column * step, step),
    );
    const total = cells.reduce<number>((sum, starts) => sum + (starts ?? 0), 0);
    for (const starts of cells) highest = Math.max(highest, starts ?? 0);
    const sum = total === 0 ? '' : `${total}`.padStart(TOTAL);
    lines.push(`${time}  ${bar(cells, look)}${sum}`.trimEnd());
  }
  return [...lines, '', ...legend(highest, step, look), ...crowded(crowds, offsets, look)];
}

/** An hour of the clock, or a part of it, in the window. */
interface Hour {
  /** Its first minute. */
  readonly at: number;
  /** Minutes past the hour of the first, and of the one after the last. */
  readonly first: number;
  readonly end: number;
  /** How far clocks are ahead of UTC then. */
  readonly offset: number;
}

/** Cut a window at each full hour, and wherever clocks are set. */
function hours(from: number, until: number, offset: (at: number) => number): Hour[] {
  const found: Hour[] = [];
  const minutePast = (at: number): number => (((at / MINUTE_MS + offset(at)) % 60) + 60) % 60;
  let first = Math.ceil(from / MINUTE_MS) * MINUTE_MS;
  for (let at = first; at < until; at += MINUTE_MS) {
    const next = at + MINUTE_MS;
    const isLast = next >= until || minutePast(next) === 0 || offset(next) !== offset(at);
    if (!isLast) continue;
    const begin = minutePast(first);
    found.push({ at: first, first: begin, end: minutePast(at) + 1, offset: offset(at) });
    first = next;
  }
  return found;
}

/** Count what starts in a column; null: none of its minutes is in the window. */
function cellOf(
  crowds: ReadonlyMap<number, Crowd>,
  { at, first, end }: Hour,
  column: number,
  step: number,
): number | null {
  if (column + step <= first || column >= end) return null;
  let starts = 0;
  for (let minute = Math.max(column, first); minute < Math.min(column + step, end); minute++)
    starts += crowds.get(at + (minute - first) * MINUTE_MS)?.starts ?? 0;
  return starts;
}

function levelOf(starts: number): number {
  return Math.min(Math.ceil(Math.log2(starts)), SIGNS.ascii.length - 1);
}

/** How many starts look so, and in which colour; a space is no minute of the window. */
function signOf(starts: number | null, { isUnicode }: Look): [string, Colour | null] {
  const set = isUnicode ? 'unicode' : 'ascii';
  if (starts === null) return [' ', null];
  if (starts === 0) return [EMPTY[set], 'dim'];
  const level = levelOf(starts);
  return [SIGNS[set][level] ?? '', HEAT[level] ?? null];
}

/** Put signs together, those of one colour as one piece. */
function bar(cells: readonly (number | null)[], look: Look): string {
  let [line, piece] = ['', ''];
  let colour: Colour | null = null;
  const flush = (): void => {
    line += colour === null ? piece : paint(look, colour, piece);
  };
  for (const [sign, own] of cells.map((starts) => signOf(starts, look))) {
    if (own !== colour) {
      flush();
      [piece, colour] = ['', own];
    }
    piece += sign;
  }
  flush();
  return line;
}

/** `0` above the first column, and on with every fifth minute as far as there is room. */
function ruler(step: number): string {
  const every = Math.max(5, step * 5);
  let line = ' '.repeat(LABEL);
  for (let minute = 0; minute < 60; minute += every)
    line += `${minute}`.padEnd(Math.ceil(every / step));
  return line.trimEnd();
}

/** Explain the signs that occur, in as many lines as it takes. */
function legend(highest: number, step: number, look: Look): string[] {
  if (highest === 0) return [];
  const words = Array.from({ length: levelOf(highest) + 1 }, (_, level) => {
    const [low, high] = [level < 1 ? 1 : 2 ** (level - 1) + 1, 2 ** level];
    const isLast = level === SIGNS.ascii.length - 1;
    return {
      sign: bar([high], look),
      range: isLast ? `${low}+` : low === high ? `${low}` : `${low}-${high}`,
    };
  });
  const lines: string[] = [];
  let room = 0;
  for (const { sign, range } of [
    ...words,
    { sign: 'starts', range: step === 1 ? 'a minute' : `in ${step} minutes` },
  ]) {
    const length = (sign === 'starts' ? sign.length : 1) + 1 + range.length;
    const word = `${sign} ${range}`;
    if (length + 2 <= room) lines.push(`${lines.pop() ?? ''}  ${word}`);
    else lines.push(word);
    room = length + 2 <= room ? room - length - 2 : look.width - length;
  }
  return lines;
}

/** Tell the most crowded minutes, the fullest first. */
function crowded(
  crowds: ReadonlyMap<number, Crowd>,
  offsets: Window['offsets'],
  look: Look,
): string[] {
  const all = [...crowds].reduce((sum, [, { starts }]) => sum + starts, 0);
  if (all === 0) return ['nothing starts in this time'];
  const fullest = [...crowds]
    .filter(([, { starts }]) => starts > 1)
    .toSorted(([, a], [, b]) => b.starts - a.starts)
    .slice(0, CROWDED);
  const digits = `${fullest[0]?.[1].starts ?? 0}`.length;
  const lines = fullest.map(([at, { starts, first }]) => {
    const names = first.map(({ tab, entry }) => nameOf(tab, entry));
    const rest = starts > first.length ? [`and ${starts - first.length} more`] : [];
    const [day = '', date = '', time = '', zone = ''] = clockTime(at, offsets('', at)).split(' ');
    const when = look.width < ROOMY ? `${day} ${time}` : `${day} ${date} ${time} ${zone}`;
    const line = `  ${when}  ${`${starts}`.padStart(digits)}  ${[...names, ...rest].join('; ')}`;
    return cut(line, look.width);
  });
  const head = `${count(all, 'start')} in all`;
  return lines.length === 0 ? [head] : [`${head}; most in one minute:`, ...lines];
}

function nameOf(tab: Tab, entry: Entry): string {
  return `${userOf(tab, entry)}: ${onOneLine(entry.command)}`;
}

/** Day, time of day and offset. */
function partsOf(at: number, offset: number): string[] {
  const [weekday = '', date = '', , zone = ''] = clockTime(at, offset).split(' ');
  // The label is the full hour, also where the window or the hour begins later.
  const hour = clockTime(at, offset).split(' ')[2]?.slice(0, 2) ?? '';
  return [`${weekday} ${date}`, `${hour}:00`, zone];
}
