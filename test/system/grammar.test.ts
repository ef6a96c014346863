/**
 * What a line of a crontab means to Debian's cron and to ours: thousands of generated lines, and whole crontabs.
 *
 * Three comparisons: whether crontab(1) takes them, and in which words it refuses; when the entries are due that both
 * take, at thousands of instants; which command, standard input and variables their jobs get. What differs must be
 * explained by a rule, which is a row of docs/differences.md; and each rule must be needed.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { checkTable } from '../../src/cli/check.ts';
import { parseCrontab } from '../../src/core/crontab.ts';
import { localTime, matches } from '../../src/core/due.ts';
import { lookup } from '../../src/core/environment.ts';
import { values } from '../../src/core/field.ts';
import type { Schedule } from '../../src/core/schedule.ts';
import { type Box, boxed, openBox, until } from '../support/system.ts';
import * as crons from './crons.ts';
import { Dice, type Line } from './generate.ts';
import { type Plan, prepareWarp, startedByDebian } from './warp.ts';

/** What the difference is: who takes what the other refuses, or what both take means. */
type Kind =
  | 'only Debian takes it'
  | 'only we take it'
  | 'times'
  | 'command'
  | 'variable'
  | 'reason';

/** Differences of these kinds are expected of such lines. */
interface Rule {
  readonly kinds: readonly Kind[];
  readonly of?: (line: string) => boolean;
  /** Instead: crontabs like this. */
  readonly whole?: (lines: readonly string[]) => boolean;
}

/** Debian’s limit of a variable and of a command; it never uses the last byte. */
const LONG_LINE = 999;

/** A number or a name, as Debian's cron reads it: letters and digits. */
const WORD = '[0-9A-Za-z]+';
const RULES: Record<string, Rule> = {
  'Junk behind an item': {
    kinds: ['only Debian takes it'],
    of: someField(
      RegExp(
        [
          String.raw`(^|,)\*[^,/~]`,
          String.raw`(^|,)(\*|${WORD}-${WORD})/\d+[^,~0-9A-Za-z]`,
          String.raw`(^|,)${WORD}[^-,/~0-9A-Za-z]`,
          String.raw`(^|,)${WORD}-${WORD}[^,/~0-9A-Za-z]`,
        ].join('|'),
      ),
    ),
  },
  'Ranges that run backwards': {
    kinds: ['only Debian takes it'],
    of: (line) => ranges(line).some(([low, high]) => low > high && high !== 0),
  },
  'Ranges that end in Sunday': {
    kinds: ['times'],
    of: (line) => ranges(line).some(([low, high]) => low > high && high === 0),
  },
  'Random choice': {
    kinds: ['only Debian takes it', 'only we take it', 'times'],
    of: someField(/~/),
  },
  'Numbers of many digits': {
    kinds: ['only Debian takes it', 'only we take it', 'times'],
    of: someField(/\d{10}/),
  },
  'Missing command': {
    kinds: ['only Debian takes it'],
    of: (line) => /^(%|\r*$)/.test(commandOf(line)),
  },
  'Entry flags': {
    kinds: ['only Debian takes it', 'only we take it', 'command'],
    of: (line) => /^[ \t]*-/.test(line) || commandOf(line).startsWith('-'),
  },
  'Backslashes in a command': {
    kinds: ['command'],
    of: (line) => commandOf(line).includes('\\\\'),
  },
  'Assignments of nothing': {
    kinds: ['only we take it'],
    of: (line) => /=\s*$/.test(line),
  },
  'Assignments to no name': {
    kinds: ['only Debian takes it'],
    of: (line) => /^[ \t]*(""|'')?\s*=/.test(line),
  },
  'Quotes within quotes': {
    kinds: ['variable'],
    of: (line) => /=\s*("'.*'\s*"|'".*"\s*')\s*$/.test(line),
  },
  'Blanks before the closing quote': {
    kinds: ['variable'],
    of: (line) => /=\s*(".*\s"|'.*\s')\s*$/.test(line),
  },
  'Long lines': {
    kinds: ['only Debian takes it', 'only we take it', 'variable'],
    of: (line) => line.length >= LONG_LINE,
  },
  'Long crontabs': {
    kinds: ['only Debian takes it', 'only we take it'],
    whole: (lines) => lines.length > 1000,
  },
  'Carriage return at the end': {
    kinds: ['only we take it', 'command'],
    of: (line) => line.endsWith('\r'),
  },
  'NUL bytes': {
    kinds: ['only Debian takes it'],
    of: (line) => line.includes('\0'),
  },
  'Variables with a meaning': {
    kinds: ['only Debian takes it'],
    of: (line) => /^[ \t]*(CRON_[A-Z_]+|RANDOM_DELAY)=/.test(line),
  },
  'Unsafe addresses': {
    kinds: ['only Debian takes it'],
    of: (line) => /^[ \t]*MAIL(TO|FROM)=/.test(line),
  },
  'Words of a refusal': {
    kinds: ['reason'],
    of: (line) => ASSIGNMENT.test(line) || /[\0\xff~]/.test(line) || line.length >= LONG_LINE,
  },
};

function someField(pattern: RegExp): (line: string) => boolean {
  return (line) => fieldsOf(line).some((field) => pattern.test(field));
}

/** What begins like an assignment, with a name in quotes, or without, or none. */
const ASSIGNMENT = /^[ \t]*("[^"]*"|'[^']*'|["']?[^\s="'][^\s=]*|)\s*=/;

/** The five time fields of an entry that has no nickname. */
function fieldsOf(line: string): string[] {
  if (ASSIGNMENT.test(line)) return [];
  const words = line.split(/[ \t]+/).filter((word) => word !== '');
  return words.length < 5 || words[0]?.startsWith('@') === true ? [] : words.slice(0, 5);
}

/** What stands behind the time fields or the nickname. */
function commandOf(line: string): string {
  return (
    /^[ \t]*(@[a-z]+(?=[ \t\r]|$)[ \t]*|([^ \t]+[ \t]+){4}[^ \t\r]+[ \t]*)(?<rest>[^]*)$/.exec(line)
      ?.groups?.['rest'] ?? '?'
  );
}

/** The ranges of all fields, with names as numbers. */
function ranges(line: string): [low: number, high: number][] {
  const names = [[], [], [], MONTHS, DAYS];
  return fieldsOf(line).flatMap((field, index) =>
    [...field.matchAll(RegExp(`(?:^|,)(?<low>${WORD})-(?<high>${WORD})`, 'g'))].map(
      ({ groups }) => {
        const number = (text = ''): number => {
          const name = names[index]?.indexOf(text.toLowerCase()) ?? -1;
          return name < 0 ? Number(text) : name;
        };
        const [low, high] = [number(groups?.['low']), number(groups?.['high'])];
        return [low, index < 4 && high === 0 ? -1 : high]; // 0 is a Sunday, and only there
      },
    ),
  );
}

const MONTHS = ' jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const DAYS = 'sun mon tue wed thu fri sat'.split(' ');

/** Which rules have explained a difference that no other explains, and what nothing explains. */
class Differences {
  readonly needed = new Set<string>();
  readonly unexplained: string[] = [];

  add(kind: Kind, lines: readonly string[], detail: string): void {
    const rules = Object.entries(RULES).filter(
      ([, { kinds, of, whole }]) =>
        kinds.includes(kind) && (whole?.(lines) ?? lines.some((line) => of?.(line))),
    );
    if (rules.length === 1) this.needed.add(`${rules[0]?.[0]}: ${kind}`);
    if (rules.length > 0) return;
    const shown = lines.map((line) => JSON.stringify(line.slice(0, 100))).join(' ');
    this.unexplained.push(`${kind}: ${shown.slice(0, 1000)}: ${detail}`);
  }
}

/** Other lines are worth a try, by hand: they may lack a difference, but must show none that has no name. */
const SEED = Number(process.env['SEED'] ?? 20_260_101);
const LINES = 3000;
const CRONTABS = 400;
/** These too, each repeated so often. */
const LONG: Record<string, readonly number[]> = {
  '#': [9_990, 10_010],
  '': [9_990, 10_010],
  '@daily x': [9_990],
  'A=x': [1_000, 1_001],
};

test(
  'a crontab means what it means to Debian’s cron, but for the named differences',
  boxed,
  async (t) => {
    const box = await openBox(t, { packages: crons.DEBIAN });
    await crons.unpackDebian(box);
    await prepareWarp(box);
    const dice = new Dice(SEED);
    const lines = dice.lines(LINES);
    const crontabs = Array.from({ length: CRONTABS }, () => dice.crontab());
    for (const [line, counts] of Object.entries(LONG))
      crontabs.push(...counts.map((count) => `${line}\n`.repeat(count)));
    const differences = new Differences();

    const verdicts = await compareVerdicts(
      box,
      lines.map(({ text }) => `${text}\n`),
      differences,
    );
    const taken = lines.filter((_, index) => verdicts[index]);
    const whole = await compareVerdicts(box, crontabs, differences);
    t.diagnostic(
      `${taken.length} of ${LINES} lines, ${whole.filter(Boolean).length} of ${crontabs.length} crontabs`,
    );
    const times = await compareTimes(box, dice, taken, differences);
    const jobs = await compareJobs(box, taken, differences);
    t.diagnostic(`${times} answers about times, ${jobs} jobs`);

    await t.test('nothing differs that has no name', () =>
      assert.deepEqual(differences.unexplained, []),
    );
    await t.test('what has a name differs', () => {
      const names = Object.entries(RULES).flatMap(([name, { kinds }]) =>
        kinds.map((kind) => `${name}: ${kind}`),
      );
      assert.deepEqual([...differences.needed].toSorted(), names.toSorted());
    });
    await t.test('each name is a row of docs/differences.md, and no other row is there', () => {
      const page = readFileSync(new URL('../../../docs/differences.md', import.meta.url), 'utf8');
      const [, section = ''] = /^## Crontab syntax\n([^]*?)(?:^## |$(?![^]))/m.exec(page) ?? [];
      const rows = [...section.matchAll(/^\| \*\*(.+?)\*\*/gm)].map(([, row]) => row);
      assert.deepEqual(rows, Object.keys(RULES));
    });
  },
);

/** Both crontabs say so. */
const UNFINISHED = "new crontab file is missing newline before EOF, can't install.";

/** Ask both whether they would install these; tell which both would. */
async function compareVerdicts(
  box: Box,
  tables: readonly string[],
  differences: Differences,
): Promise<boolean[]> {
  const input = tables.map((table) => `${Buffer.from(table, 'latin1').toString('hex')}\n`).join('');
  await box.write('/opt/tables', input);
  const answers = (await box.run('perl /src/test/system/check-all < /opt/tables')).split('\n');
  return tables.map((table, index) => {
    const theirs = answers[index] ?? '';
    const { problems, unfinished } = checkTable(Buffer.from(table, 'latin1'), 'root');
    const error = problems.find(({ severity }) => severity === 'error');
    const ours = error?.reason ?? (unfinished ? UNFINISHED : 'ok');
    const lines = table.split('\n');
    if (theirs === 'ok' && ours !== 'ok') differences.add('only Debian takes it', lines, ours);
    if (theirs !== 'ok' && ours === 'ok') differences.add('only we take it', lines, theirs);
    if (
      theirs !== 'ok' &&
      ours !== 'ok' &&
      theirs !== ours &&
      table.indexOf('\n') === table.length - 1
    )
      differences.add('reason', lines, `${theirs} / ${ours}`);
    return theirs === 'ok' && ours === 'ok';
  });
}

/** So many entries are asked together, each at so many instants of its own and at all others' too. */
const BATCH = 100;
const INSTANTS = 12;

/** Ask both when the entries that both take are due; count the answers. */
async function compareTimes(
  box: Box,
  dice: Dice,
  taken: readonly Line[],
  differences: Differences,
): Promise<number> {
  const times = new Map(
    taken.flatMap((line) =>
      line.kind === 'entry' && !/@reboot|[^\t -~]/.test(line.times)
        ? [[line.times, line.text]]
        : [],
    ),
  );
  let answers = 0;
  for (let from = 0; from < times.size; from += BATCH) {
    const batch = [...times].slice(from, from + BATCH);
    const table = batch.map(([fields], index) => `${fields} root e${index}\n`).join('');
    const { entries } = parseCrontab(table, { kind: 'system', owner: '', seed: '' });
    assert.equal(entries.length, batch.length);
    const minutes = entries.flatMap(({ schedule }) => instants(dice, schedule));
    const plan = visits(minutes);
    const started = await startedByDebian(box, plan, table);
    const theirs = new Set(started.map(({ id, minute }) => `${id} ${minute}`));
    for (const [index, entry] of entries.entries())
      for (const minute of new Set(minutes)) {
        answers++;
        const due = matches(entry.schedule, localTime(minute));
        if (theirs.has(`e${index} ${minute}`) === due) continue;
        const when = new Date(minute * 60_000).toISOString();
        differences.add(
          'times',
          [batch[index]?.[1] ?? ''],
          `${due ? 'only we' : 'only Debian'} at ${when}`,
        );
      }
  }
  return answers;
}

/** From 2026 on, so many minutes: a leap year is among them. */
const FIRST = Date.UTC(2026, 0, 1) / 60_000;
const YEARS = 4 * 365 * 1440;

/** Choose minutes at which a schedule is due, and others that differ from these in one field. */
function instants(dice: Dice, schedule: Schedule): number[] {
  const found: number[] = [];
  if (schedule.kind === 'reboot') return found;
  const [minutes, hours] = [values(schedule.minute), values(schedule.hour)];
  for (let tries = 0; tries < 2000 && found.length < INSTANTS; tries++) {
    const day = FIRST + 1440 * dice.below(YEARS / 1440);
    const time =
      60 * (hours[dice.below(hours.length)] ?? 0) + (minutes[dice.below(minutes.length)] ?? 0);
    if (!matches(schedule, localTime(day + time))) continue;
    const [hour, minute] = [Math.floor(time / 60), time % 60];
    found.push(
      day + time,
      day + 60 * hour + dice.below(60),
      day + 60 * dice.below(24) + minute,
      day + 1440 * (1 + dice.below(31)) + time,
    );
  }
  return found;
}

/** Set the clock to each of these minutes, from so far away that nothing is made up for. */
function visits(minutes: readonly number[]): Plan {
  const far = FIRST - YEARS;
  const steps: (readonly [number, number])[] = [];
  let now = far; // the minute in which cron starts; the next one is visited as it comes
  let age = 31;
  const go = (minute: number): void => {
    steps.push([age + 30, 60 * (minute - now - 1)]);
    now = minute;
    age += 60;
  };
  now++;
  for (const minute of minutes) {
    if (Math.abs(minute - now) <= 200) go(far);
    if (minute !== now) go(minute);
  }
  return { zone: 'UTC', start: 60 * far + 30, lasts: age + 30, steps };
}

/** Jobs that are started at once, each of which costs Debian three processes and a PAM session. */
const JOBS = 350;

/** Start jobs with these commands and variables under Debian's real daemon; compare what they get. */
async function compareJobs(
  box: Box,
  taken: readonly Line[],
  differences: Differences,
): Promise<number> {
  const asked = new Map<string, Line>();
  for (const line of taken)
    if (line.kind === 'entry') asked.set(`c ${line.command}`, line);
    else if (line.kind === 'assignment' && asked.size < JOBS) asked.set(`a ${line.text}`, line);
  const lines = [...asked.values()];
  const text = lines.flatMap((line, index) => [
    `ID=${index}`,
    ...(line.kind === 'entry' ? [`@reboot ${line.command}`] : [line.text, '@reboot x']),
  ]);
  const table = ['SHELL=/opt/record', ...text, ''].join('\n');

  await box.write('/opt/record.c', RECORD);
  await box.run(`
    gcc -o /opt/record /opt/record.c
    : > /var/log/jobs
    : > /etc/crontab
    rm -f /run/crond.reboot`);
  await crons.installTab(box, crons.debian, 'root', Buffer.from(table, 'latin1'));
  await crons.startDebian(box);
  const output = await until(
    'every job has run',
    async () => {
      const found = await box.read('/var/log/jobs');
      return found.split('\n').length > lines.length ? found : undefined;
    },
    () => box.read(crons.debian.log),
  );

  const theirs = new Map(
    output.split('\n').map((row) => {
      const [command = '', stdin = '', variables = ''] = row
        .split(' ')
        .map((hex) => Buffer.from(hex, 'hex').toString('latin1'));
      const environment = variables.split('\0').map((variable) => {
        const [, name = '', value = ''] = /^([^=]*)=([^]*)$/.exec(variable) ?? [];
        return [name, value] as const;
      });
      return [lookup(environment, 'ID') ?? '', { command, stdin, environment }] as const;
    }),
  );
  const { entries, problems } = parseCrontab(table, { kind: 'user', owner: 'root', seed: '' });
  assert.deepEqual(
    problems.filter(({ severity }) => severity === 'error'),
    [],
  );
  assert.equal(entries.length, lines.length);
  for (const [index, entry] of entries.entries()) {
    const [line, job] = [lines[index], theirs.get(`${index}`)];
    assert.ok(line && job, `job ${index}`);
    const show = (...texts: readonly (string | undefined)[]): string =>
      JSON.stringify(texts).slice(0, 200);
    if (line.kind === 'assignment') {
      const [here, there] = [
        lookup(entry.environment, line.name),
        lookup(job.environment, line.name),
      ];
      assert.ok(here !== undefined, line.text);
      if (here !== there) differences.add('variable', [line.text], show(there, here));
    } else if (entry.command !== job.command || (entry.stdin ?? '') !== job.stdin)
      differences.add(
        'command',
        [line.text],
        show(job.command, entry.command, job.stdin, entry.stdin ?? ''),
      );
  }
  return lines.length;
}

/** As a shell: writes its command, its standard input and its environment in hexadecimal digits. */
const RECORD = `
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
extern char **environ;
static char line[1 << 20];
static int length;
static void put(const char *bytes, int count) {
  for (int i = 0; i < count; i++) length += sprintf(line + length, "%02x", bytes[i] & 0xff);
}
int main(int argc, char **argv) {
  char c;
  put(argv[argc - 1], strlen(argv[argc - 1]));
  line[length++] = ' ';
  while (read(0, &c, 1) == 1) put(&c, 1);
  line[length++] = ' ';
  for (char **variable = environ; *variable; variable++) put(*variable, strlen(*variable) + 1);
  line[length++] = '\\n';
  return write(open("/var/log/jobs", O_WRONLY | O_APPEND), line, length) != length;
}
`;
