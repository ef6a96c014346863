/** A program, its environment and its directory → the shell script that becomes it once privileges are gone. */
import { fromText, toText } from '../system/bytes.ts';
import type { Exit, Program, Start } from '../system/program.ts';

/**
 * Room at the start of the script for what the script itself notes while it runs: it writes into
 * its own file, over this comment, which the shell has read by then.
 */
export const NOTE_LENGTH = 32;
/** The line for which a program waits that is held back. */
export const GO = '\n';
const WAITING = 'waiting';
const HOMELESS = 'homeless';
const REACHED = 'reached';

/** What may be exported by its plain name in every POSIX shell. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Names that mean something to some /bin/sh (OPTIND ends dash with "Illegal number", UID and PPID
 * are read-only in bash): they, and names that are no identifiers, are set by env(1) on its
 * command line instead.
 */
const SPECIAL =
  /^(_|PWD|OLDPWD|OPTIND|PPID|E?UID|SHLVL|LINENO|SHELLOPTS|POSIXLY_CORRECT|BASH.*|FUNC.*|S?RANDOM|SECONDS|EPOCH.*|HISTCMD|PIPESTATUS|GROUPS|DIRSTACK)$/;

/** What the shell itself would heed if it were set in it, though not if it came with its environment. */
const HEEDED = /^IFS$/;

/** The shell of this file's scripts, and the SHELL of most jobs. */
export const SHELL = '/bin/sh';
const ITSELF = '/proc/self/fd/3';

/** No word of a command line may be longer (Linux: 128 KiB), nor any variable. */
const LONGEST = 100_000;

/** How the script comes to the program. */
export interface Way {
  /** Soft limit of open descriptors that the program gets; null: it has its limits already. */
  readonly nofile: number | null;
  /** The shell that reads the script goes on as the program; see canBeShell(). */
  readonly isShell: boolean;
}

/**
 * Whether the shell that reads the script can go on as the program, which is `/bin/sh -c COMMAND` then: that saves an
 * execution. It takes a dash for /bin/sh, where nobody can tell the difference but by its command line.
 */
export function canBeShell({ argv, environment, scope, isOfMany = false }: Program): boolean {
  const [file, option, command = '', ...more] = argv;
  return (
    isOfMany &&
    file === SHELL &&
    option === '-c' &&
    more.length === 0 &&
    scope === undefined && // systemd-run reads its command line
    command.length <= LONGEST &&
    fromText(toText(command)) === command && // else it cannot be an argument of ours
    environment.every(
      ([name, value]) => isPlain(name) && !HEEDED.test(name) && value.length <= LONGEST,
    )
  );
}

/** What /bin/sh is started with: it reads the script from descriptor 3, and goes on with the command if it is the program. */
export function shellWords(program: Program, { isShell }: Pick<Way, 'isShell'>): string[] {
  if (!isShell) return [SHELL, ITSELF];
  const [, , command = ''] = program.argv;
  // On one line, so that dash counts the command's lines as it always does.
  return [SHELL, '-c', `. ${ITSELF}; ${toText(command)}`];
}

/**
 * Compose the script. It runs as the user already, under an empty environment, with itself as
 * descriptor 3; nothing in it starts another process, and its values are on no command line.
 */
export function script(program: Program, { nofile, isShell }: Way): string {
  const named = program.environment.filter(([name]) => name !== ''); // none can hand on "=value"
  const plain = named.filter(([name]) => isPlain(name));
  const begin = [
    `#${' '.repeat(NOTE_LENGTH - 1)}`,
    // As POSIX has it, read takes no byte beyond the line: what follows is the program's.
    program.isHeld === true ? `echo ${WAITING} >&3\nread -r go || exit 1\nunset go` : '',
    nofile === null ? '' : `ulimit -Sn ${nofile} 2>/dev/null`,
    // From `/`, where cron is; a directory named "-" or "-P" is no option; and a shell begins where it really is.
    `cd -P ${quote(program.directory.replace(/^(?!\/)/, '/'))} 2>/dev/null || { echo ${HOMELESS} >&3; cd /; }`,
  ];
  const exports = [
    // A locale that is not installed makes bash warn.
    '{ :', // an empty list would be a mistake
    ...plain.map(([name, value]) => `export ${name}=${quote(value)}`),
    '} 2>/dev/null',
  ];
  const end = isShell
    ? [`echo ${REACHED} >&3`, 'unset OLDPWD', ...exports, 'exec 3>&-']
    : executing(program, exports);
  return [...begin, ...end, ''].join('\n');
}

/** The end of a script that executes the program. */
function executing({ argv, environment }: Program, exports: readonly string[]): string[] {
  const special = environment.filter(([name]) => name !== '' && !isPlain(name));
  const [file] = argv;
  const words = argv.map(quote).join(' ');
  const assignments = special.map(([name, value]) => quote(`${name}=${value}`)).join(' ');
  return [
    // Vixie's child says this itself when execle(2) fails; here exec's own words would differ by shell.
    `test -x ${quote(file)} || { echo ${quote(`${file}: execle: No such file or directory`)} >&2; exit 1; }`,
    `set -- ${words}`,
    special.length === 0 ? '' : `set -- /usr/bin/env -- ${assignments} "$@"`,
    // bash as sh would hand these on.
    'test -z "$BASH_VERSION" || set -- /usr/bin/env -u _ -u SHLVL "$@"',
    `echo ${REACHED} >&3`,
    'unset PWD OLDPWD SHLVL',
    ...exports,
    'exec 3>&- "$@"',
  ];
}

function isPlain(name: string): boolean {
  return NAME.test(name) && !SPECIAL.test(name);
}

/** Read from the first bytes of the script what it noted. */
export function readNote(head: string): Pick<Start, 'reached' | 'homeless'> {
  return { reached: head.includes(REACHED), homeless: head.includes(HOMELESS) };
}

/** dash ends so, before it has read the script, if it goes on with a command that has a mistake in its syntax. */
export function isMistaken({ code }: Exit, { isShell }: Pick<Way, 'isShell'>): boolean {
  return isShell && code === 2;
}

/** Whether a program that is held back has come so far that it waits for its line. */
export function isWaiting(head: string): boolean {
  return head.includes(WAITING);
}

function quote(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
