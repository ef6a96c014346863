/** Random and mutilated crontabs → parser, linter and forecast, which must neither throw nor take long. `npm run fuzz -- 60` */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseCrontab } from '../src/core/crontab.ts';
import { forecast } from '../src/core/forecast.ts';
import { has, values } from '../src/core/field.ts';
import { lint } from '../src/core/lint.ts';
import { refuseSetting } from '../src/core/settings.ts';
import { offsetsOf } from '../src/core/spans.ts';
import { fromBytes } from '../src/system/bytes.ts';

const seconds = Number(process.argv[2] ?? 60);
const crontabs = fileURLToPath(new URL('../../crontabs/', import.meta.url));
const seeds = readdirSync(crontabs).map((name) => fromBytes(readFileSync(join(crontabs, name))));

/** Pieces that mean something, and bytes that should not. */
const PIECES = [
  ..."0 1 2 3 4 5 6 7 8 9 * / - , ~ % \\ ' = # @ $ ` 59 60 99999999999999999999 mon SUN jan".split(
    ' ',
  ),
  ...'@reboot @daily MAILTO= CRON_TZ= Europe/Berlin RANDOM_DELAY= CRON_TIMEOUT= export'.split(' '),
  ...[
    ' ',
    '\t',
    '\n',
    '\r',
    '"',
    '\0',
    '\x7f',
    '\x80',
    '\xff',
    '-n ',
    '-s ',
    '* * * * * ',
  ].values(),
];

let state = Number(process.argv[3] ?? Date.now() % 2 ** 31);
const start = state;

/** A whole number below `limit` (mulberry32): the run can be repeated from its seed. */
function random(limit: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
}

function piece(): string {
  return PIECES[random(PIECES.length)] ?? '';
}

/** A crontab that somebody wrote, with a few accidents; or none at all. */
function crontab(): string {
  let text = random(4) === 0 ? '' : (seeds[random(seeds.length)] ?? '');
  for (let accidents = random(30); accidents > 0; accidents--) {
    const at = random(text.length + 1);
    const end = Math.min(text.length, at + random(6));
    text = text.slice(0, at) + (random(3) === 0 ? '' : piece()) + text.slice(end);
  }
  return text;
}

/** What may never happen, whatever the text is. */
function examine(text: string): void {
  const kind = random(2) === 0 ? 'user' : 'system';
  const { entries, problems } = parseCrontab(text, {
    kind,
    owner: 'alice',
    seed: 'fuzz',
    refuse: refuseSetting,
  });
  const lines = text.split('\n').length;
  for (const { line, column } of problems)
    if (line < 1 || line > lines || column < 1)
      throw new Error(`problem at ${line}:${column} of ${lines} lines`);
  for (const { schedule } of entries) {
    if (schedule.kind === 'reboot') continue;
    for (const [name, low, high] of [
      ['minute', 0, 59],
      ['hour', 0, 23],
      ['dom', 1, 31],
      ['month', 1, 12],
      ['dow', 0, 7],
    ] as const) {
      const field = schedule[name];
      const found = values(field);
      if (
        found.length === 0 ||
        found.some((value) => value < low || value > high || !has(field, value))
      )
        throw new Error(`${name} has ${found.join()}`);
    }
  }
  lint(text, { kind, owner: 'alice', at: from, offsets });
  const [entry] = entries;
  if (entry !== undefined)
    forecast(entry, { from, until: from + 86_400_000, offsets, seed: 'fuzz' }).next();
}

const from = Date.UTC(2026, 9, 24);
const offsets = offsetsOf('Europe/Berlin');
const deadline = performance.now() + seconds * 1000;
let [count, slowest] = [0, 0];
while (performance.now() < deadline) {
  const text = crontab();
  const before = performance.now();
  try {
    examine(text);
  } catch (error) {
    process.stderr.write(`seed ${start}, crontab ${count}: ${JSON.stringify(text)}\n`);
    throw error;
  }
  slowest = Math.max(slowest, performance.now() - before);
  count++;
}
process.stdout.write(
  `${count} crontabs in ${seconds} s from seed ${start}: nothing thrown, slowest ${slowest.toFixed(1)} ms\n`,
);
