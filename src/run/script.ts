/** A program, its environment and its directory → the shell script that becomes it once privileges are gone. */
import type { Program, Start } from '../system/program.ts';

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

/**
 * Compose the script. It runs as the user already, under an empty environment, with itself as
 * descriptor 3; nothing in it starts another process, and its values are on no command line.
 * @param nofile soft limit of open descriptors that the program gets; null: it has its limits already
 */
export function script(program: Program, nofile: number | null): string {
  const named = program.environment.filter(([name]) => name !== ''); // none can hand on "=value"
  const isPlain = (name: string): boolean => NAME.test(name) && !SPECIAL.test(name);
  const plain = named.filter(([name]) => isPlain(name));
  const special = named.filter(([name]) => !isPlain(name));
  const [file] = program.argv;
  const words = program.argv.map(quote).join(' ');
  const assignments = special.map(([name, value]) => quote(`${name}=${value}`)).join(' ');
  return [
    `#${' '.repeat(NOTE_LENGTH - 1)}`,
    // As POSIX has it, read takes no byte beyond the line: what follows is the program's.
    program.isHeld === true ? `echo ${WAITING} >&3\nread -r go || exit 1\nunset go` : '',
    nofile === null ? '' : `ulimit -Sn ${nofile} 2>/dev/null`,
    // From `/`, where cron is; and a directory named "-" or "-P" is no option.
    `cd ${quote(program.directory.replace(/^(?!\/)/, '/'))} 2>/dev/null || { echo ${HOMELESS} >&3; cd /; }`,
    // Vixie's child says this itself when execle(2) fails; here exec's own words would differ by shell.
    `test -x ${quote(file)} || { echo ${quote(`${file}: execle: No such file or directory`)} >&2; exit 1; }`,
    `set -- ${words}`,
    special.length === 0 ? '' : `set -- /usr/bin/env -- ${assignments} "$@"`,
    // bash as sh would hand these on.
    'test -z "$BASH_VERSION" || set -- /usr/bin/env -u _ -u SHLVL "$@"',
    `echo ${REACHED} >&3`,
    'unset PWD OLDPWD SHLVL',
    // A locale that is not installed makes bash warn.
    '{ :', // an empty list would be a mistake
    ...plain.map(([name, value]) => `export ${name}=${quote(value)}`),
    '} 2>/dev/null',
    'exec 3>&- "$@"',
    '',
  ].join('\n');
}

/** Read from the first bytes of the script what it noted. */
export function readNote(head: string): Pick<Start, 'reached' | 'homeless'> {
  return { reached: head.includes(REACHED), homeless: head.includes(HOMELESS) };
}

/** Whether a program that is held back has come so far that it waits for its line. */
export function isWaiting(head: string): boolean {
  return head.includes(WAITING);
}

function quote(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
