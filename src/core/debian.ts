/** A line → how Debian's cron (3.0pl1) reads it, where that is another way than ours. */

import { quoted, visible } from './escape.ts';
import { DOM, DOW, HOUR, MINUTE, MONTH } from './field.ts';
import type { Warn } from './problem.ts';
import { SETTINGS, valueColumn, type WrittenVariable } from './variable.ts';
import type { Part, WrittenEntry } from './written.ts';

const REASON = 'differs from Debian';

/** Its buffer, with the NUL. */
const COMMAND_LIMIT = 999;
/** Its MAX_TAB_LINES. */
export const LINES_LIMIT = 10_000;

/** Warn of an entry that means something else to Debian's cron. */
export function warnOfEntry(line: WrittenEntry, warn: Warn): void {
  const { silent, fields, flag, command } = line;
  const tell = (column: number, message: string): void => warn({ column, reason: REASON, message });
  if (silent !== null) tell(silent.column, `Debian's cron refuses a "-" before the minute`);
  for (const [index, field] of fields.entries()) warnOfField(field, index, tell);
  if (flag !== null)
    tell(flag.column, `Debian's cron takes ${quoted(flag.text)} for a part of the command`);
  const backslashes = /^(?:[^\\%]|\\[^\\])*?\\\\/.exec(command.text);
  if (backslashes !== null) {
    const message = `Debian's cron makes one backslash of two; here the shell gets both`;
    tell(command.column + backslashes[0].length - 2, message);
  }
  if (command.text.length >= COMMAND_LIMIT) {
    const message = `Debian's cron ignores a whole crontab with a command of ${COMMAND_LIMIT} bytes or more`;
    tell(command.column, message);
  }
}

const RANGES = [MINUTE, HOUR, DOM, MONTH, DOW];

function warnOfField(
  { text, column }: Part,
  index: number,
  tell: (column: number, message: string) => void,
): void {
  const random = text.indexOf('~');
  if (random >= 0) {
    const message = `Debian's cron refuses ${quoted(text)}, or takes its first number; here a value is drawn`;
    tell(column + random, message);
  }
  const range = RANGES[index];
  if (range === undefined) return;
  const step = /(?:^|,)\*\/(?<step>\d+)/.exec(text);
  if (step !== null && Number(step.groups?.['step']) > range.high) {
    const message = `To Debian's cron a step that is too large means every value; here ${range.low} alone`;
    tell(column + step.index, message);
  }
  if (range !== DOW) return;
  const sunday = /(?:^|,)(?!sun-|0-)(?=\w+-(?:sun|0)(?:[,/]|$))/i.exec(text);
  if (sunday === null) return;
  const message = `To Debian's cron a range that ends in Sunday's 0 is empty; here it ends on Sunday`;
  tell(column + sunday.index + sunday[0].length, message);
}

/** Variables that Debian's cron hands to the job, and does not heed itself. */
const OURS: readonly string[] = SETTINGS.filter((name) => /^(?:CRON_|RANDOM_)/.test(name));

/** Warn of an assignment that means something else to Debian's cron. */
export function warnOfVariable(variable: WrittenVariable, warn: Warn): void {
  const { name, value, line } = variable;
  const column = line.search(/[^ \t"']/) + 1;
  const tell = (at: number, message: string): void => warn({ column: at, reason: REASON, message });
  if (value === '' && !/["'][ \t]*$/.test(line))
    tell(
      column,
      `Debian's cron refuses an empty value before version 13: write ${visible(name)}=""`,
    );
  else if (OURS.includes(name)) tell(column, `${name} means nothing to Debian's cron`);
  if (name === 'MAILTO' && /[ \t]/.test(value)) {
    const message = `Debian's cron drops mail to addresses with blanks between them: write commas alone`;
    tell(valueColumn(variable) + value.search(/[ \t]/), message);
  }
}

/** Warn of line ends that Debian's cron does not take for such. */
export function warnOfLineEnd(line: string, warn: Warn): void {
  const message = `Line ends are CRLF: Debian's cron takes the CR for a part of the command`;
  warn({ column: line.length + 1, reason: REASON, message });
}

/** Warn of a crontab that is too long for Debian's cron. */
export function warnOfLength(warn: Warn): void {
  const message = `Debian's cron ignores a whole crontab of more than ${LINES_LIMIT} lines`;
  warn({ column: 1, reason: REASON, message });
}
