/** The script that becomes the job: whatever the crontab's bytes are, they arrive, and only they. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Environment } from '../../src/core/environment.ts';
import { readNote, script } from '../../src/run/script.ts';
import { toBytes } from '../../src/system/bytes.ts';
import type { Program } from '../../src/system/program.ts';
import { self } from './started.ts';

const folder = mkdtempSync(join(tmpdir(), 'script-'));
after(() => rmSync(folder, { recursive: true }));

interface Told {
  readonly output: string;
  readonly status: number | null;
  readonly note: string;
}

/** Have a shell read the script as the launcher has it: from a file that is its descriptor 3 too. */
function told(shell: Shell, program: Partial<Program> & Pick<Program, 'argv'>): Told {
  const file = join(folder, 'script');
  const rest = { user: self, environment: [], directory: '/', stdin: 0, output: 1, ...program };
  writeFileSync(file, toBytes(script(rest, 512)));
  const fd = openSync(file, 'r+');
  const { stdout, stderr, status } = spawnSync(shell.file, ['/proc/self/fd/3'], {
    argv0: 'sh',
    cwd: '/',
    env: {},
    encoding: 'latin1',
    stdio: ['ignore', 'pipe', 'pipe', fd],
  });
  closeSync(fd);
  const note = spawnSync('head', ['-c', '64', file], { encoding: 'latin1' }).stdout;
  return { output: stdout + stderr, status, note };
}

interface Shell {
  readonly name: string;
  readonly file: string;
}

/** /bin/sh of Debian, and of the distributions where it is bash. */
const SHELLS: readonly Shell[] = [
  { name: 'sh', file: '/bin/sh' },
  { name: 'bash as sh', file: '/bin/bash' },
].filter(({ file }) => existsSync(file));

/** The environment that a program gets, as env(1) shows it. */
function environmentOf(shell: Shell, environment: Environment): Environment {
  const { output } = told(shell, { argv: ['/usr/bin/env', '-0'], environment });
  return output
    .split('\0')
    .slice(0, -1)
    .map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]);
}

const words = (text: string): string[] => text.trim().split(/\s+/);

const sorted = (environment: Environment): Environment =>
  environment.toSorted(([a], [b]) => (a < b ? -1 : 1));

const BYTES = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1));
const ALL = BYTES.join('');

for (const shell of SHELLS) {
  test(`script() hands every byte on, by ${shell.name}: in values`, () => {
    const each: Environment = BYTES.map((byte, index) => [`V${index}`, byte]);
    const environment: Environment = [...each, ['ALL', ALL], ['MY ALL', ALL], ['EMPTY', '']];
    assert.deepEqual(sorted(environmentOf(shell, environment)), sorted(environment));
  });

  test(`script() hands every byte on, by ${shell.name}: in arguments`, () => {
    const argv = [...BYTES, ALL, '', '$(id)`id`${HOME}', "it's", "'", "''", '\\', '-n', '--'];
    const { output } = told(shell, { argv: ['/usr/bin/printf', '%s\\0', ...argv] });
    assert.deepEqual(output.split('\0').slice(0, -1), argv);
  });

  test(`script() gives exactly the environment it is told, by ${shell.name}`, () => {
    assert.deepEqual(environmentOf(shell, []), []);
  });

  const names: Record<string, readonly string[]> = {
    'that are no identifiers': [
      'MY VAR',
      'a-b',
      '1X',
      'a.b',
      '-u',
      '--',
      '\xc3\xa9',
      'A\tB',
      '%',
      "'",
    ],
    'that are functions of bash': ['BASH_FUNC_ls%%', 'BASH_FUNC_x()'],
    'of the shell itself': words(`
      OPTIND OPTARG OPTERR PPID UID EUID PWD OLDPWD SHLVL _ LINENO RANDOM SECONDS GROUPS DIRSTACK
      FUNCNEST FUNCNAME IFS BASHOPTS BASH_ENV BASH_VERSINFO BASH_VERSION SHELLOPTS POSIXLY_CORRECT
      ENV PS1 PS4 CDPATH HISTCMD EPOCHSECONDS EPOCHREALTIME SRANDOM PIPESTATUS HOSTNAME HOSTTYPE
      MACHTYPE OSTYPE COLUMNS LINES TMOUT COMP_WORDBREAKS COPROC MAPFILE REPLY MAIL MAILCHECK TERM`),
    'of the loader and of locales': words(`
      LC_ALL LANG LANGUAGE LC_CTYPE LOCPATH GCONV_PATH TZ NLSPATH LD_LIBRARY_PATH LD_DEBUG_OUTPUT
      MALLOC_TRACE TEXTDOMAIN TEXTDOMAINDIR`),
  };
  for (const [kind, list] of Object.entries(names))
    test(`script() sets variables ${kind}, by ${shell.name}`, () => {
      for (const name of list) {
        for (const value of ['abc', '1']) {
          const environment: Environment = [
            ['BEFORE', 'b'],
            [name, value],
            ['PATH', '/nowhere'],
          ];
          assert.deepEqual(sorted(environmentOf(shell, environment)), sorted(environment), name);
        }
      }
    });

  test(`script() is not led astray by variables of the crontab, by ${shell.name}`, () => {
    const environment: Environment = [
      ['PATH', folder],
      ['IFS', 'abcdefghijklmnopqrstuvwxyz/'],
      ['ENV', join(folder, 'evil')],
      ['BASH_ENV', join(folder, 'evil')],
      ['PS4', '$(echo evil >&2)'],
      ['SHELLOPTS', 'xtrace'],
    ];
    writeFileSync(join(folder, 'evil'), 'echo evil\n');
    const { output, note } = told(shell, {
      argv: ['/usr/bin/printf', '%s|', 'a b'],
      environment,
    });
    assert.equal(output, 'a b|');
    assert.deepEqual(readNote(note), { reached: true, homeless: false });
  });

  test(`script() says so when the program is missing, by ${shell.name}`, () => {
    for (const file of ['/nowhere/sh', '', 'sh']) {
      const { output, status, note } = told(shell, { argv: [file, '-c', 'true'] });
      assert.equal(output, `${file}: execle: No such file or directory\n`);
      assert.equal(status, 1);
      assert.deepEqual(readNote(note), { reached: false, homeless: false });
    }
  });

  test(`script() enters the directory, by ${shell.name}`, () => {
    const where = (directory: string): string =>
      told(shell, { argv: ['/bin/pwd'], directory }).output.trim();
    assert.equal(where('/usr/bin/..'), '/usr');
    assert.equal(where('usr'), '/usr');
    assert.equal(where('/nowhere'), '/');
    for (const directory of ['-', '-P', '--', '', '~', '$HOME', '*']) {
      const { output, note } = told(shell, { argv: ['/bin/pwd'], directory });
      assert.equal(output, '/\n', directory);
      // An empty name is `./`, where it is already.
      assert.deepEqual(readNote(note), { reached: true, homeless: directory !== '' }, directory);
    }
  });

  test(`script() sets the soft limit of descriptors, by ${shell.name}`, () => {
    assert.equal(told(shell, { argv: ['/bin/sh', '-c', 'ulimit -Sn'] }).output, '512\n');
  });
}

test('readNote() believes nothing that is not there', () => {
  const blank = script(
    { argv: ['x'], user: self, environment: [], directory: '/', stdin: 0, output: 1 },
    9,
  );
  assert.deepEqual(readNote(blank.slice(0, 16)), { reached: false, homeless: false });
});
