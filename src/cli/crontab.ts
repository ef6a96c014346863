/** crontab(1): the command line → a table installed, listed, removed, edited or checked. */
import { EXIT, Failure } from '../system/failure.ts';
import { listTable, none } from './list.ts';
import { type CommandLine, commandLine } from './options.ts';
import { openSession, type Session } from './session.ts';
import { ask, print, say, undisturbed } from './terminal.ts';

const USAGE = `usage:\tcrontab [-u user] [-n] file
\tcrontab [ -u user ] [ -i ] { -e | -l | -r }
\tcrontab [-u user] { --backups | --restore } [number]
\tcrontab -T file

\t-h\t(displays this help message)
\t-V\t(displays the version)

\tfile\t(default operation is replace, per 1003.2; "-": standard input)
\t-n\t(dry run: checks the syntax, then bails out)
\t-T\t(checks the syntax of any file, for nobody's crontab)
\t-u user\t(choose the user whose crontab is touched)

\t-e\t(edit user's crontab)
\t-l\t(list user's crontab)
\t-r\t(delete user's crontab)

\t-i\t(prompt before deleting user's crontab)

\t--backups\t(list the tables that were in force before, or show one of them)
\t--restore\t(put one of them in force again; without a number the last one)

\t--config FILE\t(read this file and not /etc/mailcron.toml)`;

// Beyond ASCII: letters that nobody types by accident (see commandLine).
const CONFIG = '\u1000';
const BACKUPS = '\u1001';
const RESTORE = '\u1002';
const OPTIONS = `u:(user)nielrTh(help)V(version)${CONFIG}:(config)${BACKUPS}(backups)${RESTORE}(restore)`;

/** What is to be done; of `replace`, `dryRun` and `check` with which file, `-` being stdin. */
type Operation =
  | { readonly kind: 'help' | 'version' | 'edit' | 'list' | 'remove' }
  | { readonly kind: 'backups' | 'restore'; readonly number: number | null }
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

const LETTERS = {
  e: 'edit',
  l: 'list',
  r: 'remove',
  T: 'check',
  n: 'dryRun',
  [BACKUPS]: 'backups',
  [RESTORE]: 'restore',
} as const;

function chooseOperation({ options, operands }: CommandLine): Operation {
  if (options.has('h')) return { kind: 'help' };
  if (options.has('V')) return { kind: 'version' };
  const [letter, second] = Object.entries(LETTERS).filter(([name]) => options.has(name));
  if (second !== undefined) throw misused('only one operation permitted');
  const kind = letter?.[1] ?? 'replace';
  const [file, another] = operands;
  if (kind === 'edit' || kind === 'list' || kind === 'remove') {
    if (file !== undefined) throw misused('no arguments permitted after this option');
    return { kind };
  }
  if (kind === 'backups' || kind === 'restore') {
    if (another !== undefined || !/^[1-9]\d{0,3}$/.test(file ?? '1'))
      throw misused(`--${kind} takes one number, as --backups lists them`);
    return { kind, number: file === undefined ? null : Number(file) };
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
  if (kind === 'version') {
    const { version } = await import('./version.ts');
    return (await print(Buffer.from(`mailcron ${version()}\n`))) ? EXIT.OK : EXIT.FAILURE;
  }
  // What `crontab -l` does without is loaded where it is needed: half of its time would go into that.
  if (kind === 'check') {
    const { checkFile } = await import('./replace.ts');
    return checkFile(operation.file, options.get('u'));
  }
  const session = await openSession(options, options.get(CONFIG));
  if (session === null) return EXIT.FAILURE;
  switch (kind) {
    case 'edit': {
      const { editTable } = await import('./edit.ts');
      return editTable(session);
    }
    case 'list':
      return listTable(session);
    case 'remove':
      return remove(session, options.has('i'));
    case 'backups': {
      const { listBackups, showBackup } = await import('./restore.ts');
      const { number } = operation;
      return number === null ? listBackups(session) : showBackup(session, number);
    }
    case 'restore': {
      const { restoreTable } = await import('./restore.ts');
      return restoreTable(session, operation.number ?? 1);
    }
    case 'replace':
    case 'dryRun': {
      const { replaceTable } = await import('./replace.ts');
      return replaceTable(session, operation.file, kind === 'dryRun');
    }
    default:
      return kind satisfies never;
  }
}

async function remove({ user, tables }: Session, confirm: boolean): Promise<number> {
  // Asked for only to be told of: cron is the one to say whether there is a table to remove.
  if (confirm && (await tables.read('change')) === null) return none(user.name);
  const question = `crontab: really delete ${user.name}'s crontab? (y/n) `;
  if (confirm && !ask(question, 'Please enter Y or N: ')) return EXIT.OK;
  return (await undisturbed(() => tables.remove())) ? EXIT.OK : none(user.name);
}
