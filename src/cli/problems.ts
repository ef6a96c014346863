/** cronctl check: crontab files → every problem of every file. */
import { accessSync, constants, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Which } from '../core/command.ts';
import { parseCrontab } from '../core/crontab.ts';
import { lint, type LintOptions } from '../core/lint.ts';
import type { Problem } from '../core/problem.ts';
import { fromBytes, fromText, toText } from '../system/bytes.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { systemUsers } from '../system/users.ts';
import { complaints } from './complaint.ts';
import { readGiven } from './given.ts';
import { harmless } from './lines.ts';
import { longOptions, type Options } from './longs.ts';
import { localOffsets } from './upcoming.ts';
import { print, say } from './terminal.ts';

const USAGE = `usage:\tcronctl check [--system] [--json] FILE...

\tFILE\t("-": standard input)
\t--system\t(the files have a user column, as /etc/crontab has)
\t--json\t(one object a line)`;

/** Check the files; 1 if any has an error, or cannot be read. */
export async function check(args: readonly string[]): Promise<number> {
  const { options, operands } = longOptions(args, ['system', 'json', 'help'], '', USAGE);
  if (options.has('help')) return (await print(Buffer.from(`${USAGE}\n`))) ? EXIT.OK : EXIT.FAILURE;
  if (operands.length === 0)
    throw new Failure(`usage error: name a file\n${USAGE}`, { exit: EXIT.USAGE });
  let status: number = EXIT.OK;
  for (const file of operands) {
    try {
      if (!(await checkFile(file, options))) status = EXIT.FAILURE;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      say(`cronctl: ${error.message}`);
      status = EXIT.FAILURE;
    }
  }
  return status;
}

/** Check one file; false if it has an error. */
async function checkFile(file: string, options: Options): Promise<boolean> {
  const text = fromBytes(await readGiven(file));
  const problems = lint(text, await lintOptions(text, options.has('system')));
  const lines = options.has('json') ? asJson(file, problems) : asText(file, text, problems);
  await print(Buffer.from(lines));
  return problems.every(({ severity }) => severity !== 'error');
}

function asJson(file: string, problems: readonly Problem[]): string {
  return problems
    .map(({ line, column, severity, reason, message }) => {
      const problem = { file, line, column, severity, reason, message: toText(message) };
      return `${JSON.stringify(problem)}\n`;
    })
    .join('');
}

function asText(file: string, text: string, problems: readonly Problem[]): string {
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const warnings = problems.length - errors;
  if (problems.length === 0) return `"${harmless(file)}": no problems\n`;
  const told = complaints(file, text.replaceAll('\r\n', '\n'), problems);
  return `${told}\n"${harmless(file)}": ${count(errors, 'error')}, ${count(warnings, 'warning')}\n`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** The warnings of a user's table that its errors do not tell: for `crontab -T`. */
export function warningsOf(text: string, owner: string): Problem[] {
  const here = { at: Date.now(), offsets: localOffsets(), which: whichOnDisk() };
  const { problems: told } = parseCrontab(text, { kind: 'user', owner, seed: '' });
  const known = new Set(told.map(({ line, column }) => `${line} ${column}`));
  return lint(text, { ...here, kind: 'user', owner }).filter(
    ({ severity, line, column }) => severity === 'warning' && !known.has(`${line} ${column}`),
  );
}

/** What there is on this host: its clocks, programs and users. */
async function lintOptions(text: string, isSystem: boolean): Promise<LintOptions> {
  const here = { at: Date.now(), offsets: localOffsets(), which: whichOnDisk() };
  if (!isSystem) return { ...here, kind: 'user', owner: fromText(userInfo().username) };
  const users = await knownUsers(text);
  return { ...here, kind: 'system', isUser: (name) => users.has(name) };
}

/** Look up the users that a system crontab names; who cannot be looked up counts as known. */
async function knownUsers(text: string): Promise<ReadonlySet<string>> {
  const { entries } = parseCrontab(text, { kind: 'system', owner: '', seed: '' });
  const names = [...new Set(entries.map(({ user }) => user ?? ''))];
  const database = systemUsers();
  const exists = async (name: string): Promise<boolean> => {
    try {
      return (await database.find(toText(name))) !== null;
    } catch {
      return true;
    }
  };
  const found = await Promise.all(names.map(exists));
  return new Set(names.filter((_, index) => found[index]));
}

/** Find programs in a PATH, looking for each once. */
function whichOnDisk(): Which {
  const known = new Map<string, string | null>();
  return (name, path) => {
    const key = `${name}\0${path}`;
    const hit = known.get(key);
    if (hit !== undefined) return hit;
    const files = path.split(':').map((directory) => join(directory || '.', name));
    const found = files.find(isProgram) ?? null;
    known.set(key, found);
    return found;
  };
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
