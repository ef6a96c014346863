/** crontab(1): the command line → a table installed, listed, removed, edited or checked. */
import { fromBytes } from '../system/bytes.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { editTable } from './edit.ts';
import { readGiven } from './given.ts';
import { type CommandLine, commandLine } from './options.ts';
import { chooseUser, openSession, type Session } from './session.ts';
import { acceptTable, withoutHeader } from './table.ts';
import { isWatched, tellNext } from './tell.ts';
import { ask, print, say, undisturbed } from './terminal.ts';

const USAGE = `usage:\tcrontab [-u user] [-n] file
\tcrontab [ -u user ] [ -i ] { -e | -l | -r }
\tcrontab -T file

\t-h\t(displays this help message)

\tfile\t(default operation is replace, per 1003.2; "-": standard input)
\t-n\t(dry run: checks the syntax, then bails out)
\t-T\t(checks the syntax of any file, for nobody's crontab)
\t-u user\t(choose the user whose crontab is touched)

\t-e\t(edit user's crontab)
\t-l\t(list user's crontab)
\t-r\t(delete user's crontab)

\t-i\t(prompt before deleting user's crontab)

\t--config FILE\t(read this file and not /etc/mailcron.toml)`;

const CONFIG = '\u1000';
const OPTIONS = `u:(user)nielrTh(help)${CONFIG}:(config)`;

/** What is to be done; of `replace`, `dryRun` and `check` with which file, `-` being stdin. */
type Operation =
  | { readonly kind: 'help' | 'edit' | 'list' | 'remove' }
  | { readonly kind: 'replace' | 'dryRun' | 'check'; readonly file: string };

/** Run crontab; returns its exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const line = commandLine(OPTIONS, argv, USAGE);
    return await run(chooseOperation(line), line.options);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    say(`crontab: ${error.message}`);
    return error.exit;
  }
}

const LETTERS = { e: 'edit', l: 'list', r: 'remove', T: 'check', n: 'dryRun' } as const;

function chooseOperation({ options, operands }: CommandLine): Operation {
  if (options.has('h')) return { kind: 'help' };
  const [letter, second] = Object.entries(LETTERS).filter(([name]) => options.has(name));
  if (second !== undefined) throw misused('only one operation permitted');
  const kind = letter?.[1] ?? 'replace';
  const [file, another] = operands;
  if (kind === 'edit' || kind === 'list' || kind === 'remove') {
    if (file !== undefined) throw misused('no arguments permitted after this option');
    return { kind };
  }
  if (another !== undefined) throw misused('only one file permitted');
  if (file !== undefined) return { kind, file };
  // Debian's crontab without any argument reads its input, as POSIX has it.
  const bare = [...options.keys()].every((name) => name === CONFIG);
  if (bare) return { kind, file: '-' };
  throw misused(`file name must be specified for ${kind === 'check' ? 'the check' : 'replace'}`);
}

function misused(problem: string): Failure {
  return new Failure(`usage error: ${problem}\n${USAGE}`, { exit: EXIT.FAILURE });
}

async function run(operation: Operation, options: CommandLine['options']): Promise<number> {
  const { kind } = operation;
  if (kind === 'help') {
    say(USAGE);
    return EXIT.FAILURE; // as Debian's
  }
  if (kind === 'check') return checkFile(operation.file, options.get('u'));
  const session = await openSession(options, options.get(CONFIG));
  if (session === null) return EXIT.FAILURE;
  switch (kind) {
    case 'edit':
      return editTable(session);
    case 'list':
      return list(session);
    case 'remove':
      return remove(session, options.has('i'));
    case 'replace':
    case 'dryRun':
      return replace(session, operation.file, kind === 'dryRun');
    default:
      return kind satisfies never;
  }
}

async function list({ user, crontabs, log }: Session): Promise<number> {
  log('LIST');
  const table = await crontabs.read(user);
  if (table === null) return none(user.name);
  // Debian: an N here shows the header that another cron may have left.
  const whole = /^n/i.test(process.env['CRONTAB_NOHEADER'] ?? '');
  return (await print(whole ? table : withoutHeader(table))) ? EXIT.OK : EXIT.FAILURE;
}

async function remove({ user, crontabs, log }: Session, confirm: boolean): Promise<number> {
  if ((await crontabs.read(user)) === null) return none(user.name);
  const question = `crontab: really delete ${user.name}'s crontab? (y/n) `;
  if (confirm && !ask(question, 'Please enter Y or N: ')) return EXIT.OK;
  log('DELETE');
  return (await undisturbed(() => crontabs.remove(user))) ? EXIT.OK : none(user.name);
}

async function replace(session: Session, file: string, dryRun: boolean): Promise<number> {
  const { user, crontabs, log } = session;
  const verdict = "errors in crontab file, can't install.";
  const table = acceptTable(await readGiven(file), { file, owner: user.name, verdict });
  if (table === null) return EXIT.FAILURE;
  if (dryRun) {
    say('The syntax of the crontab file was successfully checked.');
    return EXIT.OK;
  }
  const before = isWatched() ? await crontabs.read(user) : null;
  await undisturbed(() => crontabs.install(user, table));
  log('REPLACE');
  await tellNext(before, table, user.name);
  return EXIT.OK;
}

/** Check a file for whoever calls; cron.allow and the spool have no part in it. */
async function checkFile(file: string, name: string | undefined): Promise<number> {
  const chosen = await chooseUser(name);
  if (chosen === null) return EXIT.FAILURE;
  const owner = chosen.user.name;
  // The words are cronie's, whose option this is.
  const verdict = 'Invalid crontab file. Syntax issues were found.';
  const given = await readGiven(file);
  const { warningsOf } = await import('./problems.ts');
  const warnings = warningsOf(fromBytes(given), owner);
  if (acceptTable(given, { file, owner, verdict, warnings }) === null) return EXIT.FAILURE;
  say('No syntax issues were found in the crontab file.');
  return EXIT.OK;
}

function none(name: string): number {
  say(`no crontab for ${name}`);
  return EXIT.FAILURE;
}
