/** Lines "NAME=value" → the environment that a job gets, and that its mail shows. */

import { skipBlanks } from './blank.ts';
import { quoted } from './escape.ts';
import { fail, ok, type Parsed } from './problem.ts';

/** Variables in the order of environ(7); no name occurs twice. */
export type Environment = readonly (readonly [name: string, value: string])[];

/** Find the value of a variable. */
export function lookup(environment: Environment, name: string): string | undefined {
  return environment.find((variable) => variable[0] === name)?.[1];
}

/** Set a variable where it stands, or append it, as vixie's env_set() does. */
export function assign(environment: Environment, name: string, value: string): Environment {
  return merge(environment, [[name, value]]);
}

/** Set several variables: a Map keeps the place of what it replaces. */
function merge(environment: Environment, variables: Environment): Environment {
  return [...new Map([...environment, ...variables])];
}

/**
 * Make a job's environment as Debian's cron does: the crontab's variables over those of PAM.
 *
 * `base` is what PAM gives: /etc/environment, then /etc/default/locale. Of the results, `cron` is
 * what X-Cron-Env shows and `job` is the whole. PATH is cron's own unless the crontab sets one:
 * that of /etc/environment loses. USER, which Debian leaves out, is set unless it is there.
 * @param passed variables of the daemon's that are to be handed on: a PATH or SHELL among them is cron's own then
 */
export function jobEnvironment(
  base: Environment,
  assignments: Environment,
  user: string,
  home: string,
  passed: Environment = [],
): { readonly cron: Environment; readonly job: Environment } {
  const defaults: Environment = [
    ['SHELL', lookup(passed, 'SHELL') ?? '/bin/sh'],
    ['HOME', home],
    ['PATH', lookup(passed, 'PATH') ?? '/usr/bin:/bin'],
  ];
  const unset = defaults.filter(([name]) => lookup(assignments, name) === undefined);
  const cron = merge(assignments, [...unset, ['LOGNAME', user]]);
  const job = merge(merge(base, passed), cron);
  return { cron, job: lookup(job, 'USER') === undefined ? assign(job, 'USER', user) : job };
}

/** Read a line as vixie's load_env() does; null is no assignment, so the line is an entry. */
export function parseAssignment(line: string): readonly [string, string] | null {
  const assignment = readAssignment(line);
  return assignment?.value.ok === true ? [assignment.name, assignment.value.value] : null;
}

/** A line that begins "NAME=", whose value may be wrong: then the name tells what it spoils. */
export interface Assignment {
  readonly name: string;
  readonly value: Parsed<string>;
}

/** Read what an assignment says or was meant to say; null is a line that does not begin as one. */
export function readAssignment(line: string): Assignment | null {
  if (!line.includes('=')) return null;
  const start = skipBlanks(line, 0);
  const plain = readName(line, start);
  if (plain !== null) return { name: plain.name, value: readValue(line, plain.end) };
  if (!/^export[ \t]/.test(line.slice(start, start + 7))) return null;
  const exported = readName(line, skipBlanks(line, start + 7));
  if (exported === null) return null;
  const message = `A crontab is no shell script: write "${exported.name}=" without "export"`;
  return { name: exported.name, value: fail(start + 1, 'bad minute', message) };
}

/** Read a name, which ends at a blank or may stand in quotes, and the "=" with the blanks around. */
function readName(line: string, start: number): { name: string; end: number } | null {
  let end = start;
  let name: string;
  const quote = quoteAt(line, start);
  if (quote === null) {
    while (end < line.length && line[end] !== '=' && !isSpace(line, end)) end++;
    name = line.slice(start, end);
  } else {
    const close = line.indexOf(quote, start + 1);
    if (close < 0) return null;
    name = line.slice(start + 1, close);
    end = close + 1;
  }
  // Vixie takes the empty name too, but no exec(2) could hand it to a job.
  if (name === '' || name.includes('=') || name.includes('\0')) return null;
  end = skipSpace(line, end);
  return line[end] === '=' ? { name, end: skipSpace(line, end + 1) } : null;
}

/** Read a value: quotes count around the whole of it only; there are no escapes and no `$`. */
function readValue(line: string, start: number): Parsed<string> {
  const nul = line.indexOf('\0', start);
  if (nul >= 0) return fail(nul + 1, 'bad minute', 'A variable cannot hold a NUL byte');
  const quote = quoteAt(line, start);
  if (quote === null) return ok(trimEnd(line.slice(start)));
  const close = line.indexOf(quote, start + 1);
  if (close < 0) return fail(start + 1, 'bad minute', 'The quote of this value is never closed');
  const rest = skipSpace(line, close + 1);
  if (rest === line.length) return ok(line.slice(start + 1, close));
  const message = `${quoted(line.slice(rest))} follows the closing quote: quote the whole value`;
  return fail(rest + 1, 'bad minute', message);
}

function quoteAt(line: string, at: number): string | null {
  const char = line[at];
  return char === '"' || char === "'" ? char : null;
}

/** Test for isspace(3) of the C locale: JavaScript's \s would take UTF-8's byte 0xA0 for one. */
function isSpace(line: string, at: number): boolean {
  const byte = line.charCodeAt(at);
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

function skipSpace(line: string, at: number): number {
  while (isSpace(line, at)) at++;
  return at;
}

function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text, end - 1)) end--;
  return text.slice(0, end);
}

/**
 * Read /etc/environment or /etc/default/locale by the rules of pam_env(8), here Linux-PAM 1.7's.
 *
 * A `#` begins a comment anywhere, even in quotes; a backslash at the end joins two lines; a name
 * without "=" unsets; a line with any other name than letters, digits and `_` is passed over.
 */
export function parseEnvironmentFile(text: string): Environment {
  const variables = new Map<string, string>();
  let joined = '';
  for (const line of text.split('\n')) {
    const continued = /\\[ \t]*$/.exec(line);
    joined += line.slice(skipBlanks(line, 0), continued?.index).replace(/[#\0][^]*$/, '');
    if (continued !== null && !line.includes('#')) continue;
    const { name, value } =
      /^(?:export )?(?<name>\w+)(?:=(?<value>[^]*))?$/.exec(joined)?.groups ?? {};
    joined = '';
    if (name === undefined) continue;
    if (value === undefined) variables.delete(name);
    else variables.set(name, unquote(value));
  }
  return [...variables];
}

/** Strip the quotes around a value; to pam_env the closing one need not be the opening one. */
function unquote(value: string): string {
  return quoteAt(value, 0) === null ? value : value.slice(1).replace(/["']$/, '');
}
