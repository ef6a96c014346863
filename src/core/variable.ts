/** An assignment → what its value or its name will not do as it was meant. */

import { recipients, sender } from './address.ts';
import { refuseContent } from './content.ts';
import { quoted, visible } from './escape.ts';
import { ok, type Fault, type Parsed, shift, type Warn } from './problem.ts';

/** A line "NAME=value" that counts. */
export interface WrittenVariable {
  readonly name: string;
  readonly value: string;
  readonly line: string;
}

/** Variables that mean something to cron itself. */
export const SETTINGS = [
  'MAILTO',
  'MAILFROM',
  'CONTENT_TYPE',
  'CONTENT_TRANSFER_ENCODING',
  'CRON_TZ',
  'RANDOM_DELAY',
  'CRON_MAIL_SUCCESS',
  'CRON_TIMEOUT',
  'CRON_EXPECT',
  'CRON_OVERLAP',
  'CRON_CATCHUP',
  'CRON_MEMORY',
  'CRON_CPU',
  'CRON_TASKS',
] as const;

/** The column of a variable's value, without its quote. */
export function valueColumn({ line, value }: WrittenVariable): number {
  return line.indexOf(value, line.indexOf('=') + 1) + 1;
}

/** Say why a variable that rules the mail cannot do so; null if it can, or is none of these. */
export function mailFault(variable: WrittenVariable): Fault | null {
  const { name, value } = variable;
  const content = refuseContent(name, value);
  if (content !== null)
    return { column: valueColumn(variable), reason: `bad ${name}`, message: content };
  const parsed = readAddresses(name, value);
  if (parsed.ok) return null;
  return { ...shift(parsed.fault, valueColumn(variable) - 1), reason: `bad ${name}` };
}

function readAddresses(name: string, value: string): Parsed<unknown> {
  if (name === 'MAILTO') return recipients(value);
  return name === 'MAILFROM' && value !== '' ? sender(value) : ok(null);
}

/** Warn of a value that a shell would have read otherwise. */
export function warnOfValue(variable: WrittenVariable, warn: Warn): void {
  const { name, value, line } = variable;
  if (name === 'MAILTO' || name === 'MAILFROM') return; // nothing of this is safe there
  const column = valueColumn(variable);
  const expansion = value.search(/\$[A-Za-z_{(]/);
  const home = /(?:^|:)(?=~\/)/.exec(value)?.index ?? -1;
  if (expansion >= 0) {
    const message = `${visible(name)} is taken as it is written: cron expands no ${quoted(value.slice(expansion))}`;
    warn({ column: column + expansion, reason: 'not expanded', message });
  } else if (home >= 0) {
    const message = `${visible(name)} is taken as it is written: cron does not expand "~"`;
    warn({ column, reason: 'not expanded', message });
  }
  const bare = !/["']/.test(line[column - 2] ?? ''); // else the whole value is quoted
  if (bare && /(["'])[^"']*\1/.test(value)) {
    const message = `Quotes inside a value are part of ${visible(name)}: only around the whole of it they are not`;
    warn({ column: column + value.search(/["']/), reason: 'quotes in a value', message });
  }
  const comment = value.search(/[ \t]#/);
  if (bare && comment >= 0) {
    const message = `There are no comments behind a value: ${visible(name)} ends in ${quoted(value.slice(comment + 1))}`;
    warn({ column: column + comment + 1, reason: 'comment in a value', message });
  }
}

/**
 * Warn of a name that is nearly one of cron's, and of TZ, which is none.
 * @param zoned CRON_TZ is set, so that somebody knows the difference
 */
export function warnOfName(
  { name, value, line }: WrittenVariable,
  zoned: boolean,
  warn: Warn,
): void {
  const column = line.search(/[^ \t"']/) + 1;
  const plain = (text: string): string => text.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');
  const meant = SETTINGS.find((setting) => plain(setting) === plain(name));
  if (meant !== undefined && meant !== name) {
    const message = `${quoted(name)} means nothing to cron: did you mean ${meant}?`;
    warn({ column, reason: 'unknown setting', message });
  } else if (meant === undefined && name.startsWith('CRON_')) {
    const message = `${quoted(name)} means nothing to cron; see crontab(5) for what does`;
    warn({ column, reason: 'unknown setting', message });
  } else if (name === 'TZ' && !zoned && value !== '') {
    const message = `TZ is for the commands: entries start by the system's clock unless CRON_TZ is set`;
    warn({ column, reason: 'TZ', message });
  }
}
