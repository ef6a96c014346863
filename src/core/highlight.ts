/** The text of a crontab → its pieces by their meaning, as colours show it. */

import { parseCrontab, type CrontabOptions } from './crontab.ts';
import { firstPercent } from './entry.ts';
import { readAssignment } from './environment.ts';
import { skipBlanks } from './blank.ts';
import { written, type WrittenEntry } from './written.ts';

/** What a piece is; `bad` is a line that cannot run, `plain` what has no meaning of its own. */
export type Meaning =
  | 'comment'
  | 'name'
  | 'value'
  | 'time'
  | 'user'
  | 'flag'
  | 'command'
  | 'input'
  | 'bad'
  | 'plain';

/** Part of a crontab; its pieces, one after the other, are the whole of it. */
export interface Piece {
  readonly meaning: Meaning;
  readonly text: string;
}

/** Tell the pieces of a crontab apart, by the very rules by which it is read. */
export function highlight(text: string, options: CrontabOptions): Piece[] {
  const { entries, problems } = parseCrontab(text, options);
  const byLine = new Map(entries.map((entry) => [entry.line, entry]));
  const bad = new Set(
    problems.filter(({ severity }) => severity === 'error').map(({ line }) => line),
  );
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    const entry = byLine.get(index + 1);
    const pieces = bad.has(index + 1)
      ? [{ meaning: 'bad', text: line } as const]
      : entry === undefined
        ? otherLine(line)
        : entryLine(written(entry, line), line);
    return index === lines.length - 1 ? pieces : [...pieces, NEWLINE];
  });
}

const NEWLINE: Piece = { meaning: 'plain', text: '\n' };

function otherLine(line: string): Piece[] {
  if (line[skipBlanks(line, 0)] === '#') return [{ meaning: 'comment', text: line }];
  const value = line.indexOf('=') + 1;
  // An entry that waits for a better assignment looks like one of its own.
  if (value === 0 || readAssignment(line)?.value.ok !== true)
    return [{ meaning: 'plain', text: line }];
  return [
    { meaning: 'name', text: line.slice(0, value - 1) },
    { meaning: 'plain', text: '=' },
    { meaning: 'value', text: line.slice(value) },
  ];
}

function entryLine({ silent, fields, user, flag, command }: WrittenEntry, line: string): Piece[] {
  const [first] = fields;
  const from = (part: { readonly column: number } | null | undefined): number | null =>
    part === null || part === undefined ? null : part.column - 1;
  const input = command.column - 1 + firstPercent(command.text);
  const starts: readonly (readonly [Meaning, number | null])[] = [
    ['plain', 0],
    ['flag', from(silent)],
    ['time', from(first)],
    ['user', from(user)],
    ['flag', from(flag)],
    ['command', from(command)],
    ['input', input < line.length ? input : null],
  ];
  const known = starts.flatMap(([meaning, at]) => (at === null ? [] : [{ meaning, at }]));
  return known
    .map(({ meaning, at }, index) => ({ meaning, text: line.slice(at, known[index + 1]?.at) }))
    .filter(({ text }) => text !== '');
}
