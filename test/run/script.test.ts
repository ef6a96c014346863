/** The script that becomes the job: whatever the crontab's bytes are, they arrive, and only they. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import type { Environment } from '../../src/core/environment.ts';
import { canBeShell, readNote, script, shellWords } from '../../src/run/script.ts';
import { fromText, toBytes } from '../../src/system/bytes.ts';
import type { Program } from '../../src/system/program.ts';
import { self } from './started.ts';

const folder = mkdtempSync(join(tmpdir(), 'script-'));
after(() => rmSync(folder, { recursive: true }));

const EXECUTED = { nofile: 512, isShell: false };

interface Told {
  readonly output: string;
  readonly status: number | null;
  readonly note: string;
}

/** Have a shell read the script as the launcher has it: from a file that is its descriptor 3 too. */
function told(shell: Shell, program: Partial<Program> & Pick<Program, 'argv'>): Told {
  const file = join(folder, 'script');
  const rest = { user: self, environment: [], directory: '/', stdin: 0, output: 1, ...program };
  writeFileSync(file, toBytes(script(rest, EXECUTED)));
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
    EXECUTED,
  );
  assert.deepEqual(readNote(blank.slice(0, 16)), { reached: false, homeless: false });
});

/** Commands of one line, as crontabs have them: what each prints and how it ends may not depend on how it was started. */
const COMMANDS = readFileSync(new URL('../../../test/golden/commands.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter(Boolean);

interface Outcome {
  readonly status: number | null;
  readonly signal: string | null;
  readonly output: string;
}

/** What a command comes to: as `/bin/sh -c COMMAND` starts with an environment, or as the shell goes on that has read the script. */
function outcomes(command: string, environment: Environment): readonly [Outcome, Outcome] {
  const program: Program = {
    user: self,
    argv: ['/bin/sh', '-c', fromText(command)],
    environment: environment.map(([name, value]) => [name, fromText(value)]),
    directory: link,
    stdin: 0,
    output: 1,
    isHeld: true,
    isOfMany: true,
  };
  assert.ok(canBeShell(program), command);
  const file = join(folder, 'shell');
  writeFileSync(file, toBytes(script(program, { nofile: null, isShell: true })));
  const fd = openSync(file, 'r+');
  const [shell = '', ...args] = shellWords(program, { isShell: true });
  const settings = { encoding: 'latin1', timeout: 30_000 } as const;
  const through = spawnSync(shell, args, {
    ...settings,
    cwd: '/',
    env: {},
    input: '\none\ntwo\n',
    stdio: ['pipe', 'pipe', 'pipe', fd],
  });
  closeSync(fd);
  const straight = spawnSync('/bin/sh', ['-c', command], {
    ...settings,
    cwd: link,
    env: Object.fromEntries(environment),
    input: 'one\ntwo\n',
  });
  const outcome = ({ status, signal, stdout, stderr }: typeof through): Outcome => ({
    status,
    signal,
    output: `${stdout}${stderr}`,
  });
  return [outcome(straight), outcome(through)];
}

const link = join(folder, 'home');
symlinkSync('/usr/bin', link);

const isDash = basename(realpathSync('/bin/sh')) === 'dash';

test(
  'script() lets dash go on as a shell that nobody can tell from another',
  { skip: !isDash && '/bin/sh is no dash' },
  () => {
    const environment: Environment = [
      ['SHELL', '/bin/sh'],
      ['HOME', link],
      ['PATH', '/usr/bin:/bin'],
      ['LOGNAME', 'somebody'],
      ['LANG', 'C.UTF-8'],
      ['OPTERR', '1'],
      ['ENV', '/nowhere'],
      ['PS4', '++'],
      ['CDPATH', '/usr'],
      ['EMPTY', ''],
      ['ODD', "it's \xe9 \\n $HOME\t\x01"],
    ];
    for (const command of COMMANDS) {
      const [straight, through] = outcomes(command, environment);
      const comparable = ({ output, ...rest }: Outcome): Outcome => ({
        ...rest,
        output: output.replaceAll(/^PPID='\d+'$/gm, 'PPID'),
      });
      assert.deepEqual(comparable(through), comparable(straight), command);
    }
  },
);

test('canBeShell() leaves to another shell what would not be the same', () => {
  const job = {
    user: self,
    argv: ['/bin/sh', '-c', 'true'],
    environment: [['A', 'b']],
    directory: '/',
    stdin: 0,
    output: 1,
    isHeld: true,
    isOfMany: true,
  } as const satisfies Program;
  assert.ok(canBeShell(job));
  const others: readonly Partial<Program>[] = [
    { isOfMany: false },
    { argv: ['/bin/bash', '-c', 'true'] },
    { argv: ['/bin/sh', '-e', 'true'] },
    { argv: ['/bin/sh', '-c', 'true', 'more'] },
    { argv: ['/bin/sh', '-c', 'echo \xe9'] }, // no UTF-8, which an argument from here is
    { argv: ['/bin/sh', '-c', `: ${'x'.repeat(130_000)}`] },
    { environment: [['IFS', 'x']] },
    { environment: [['MY VAR', 'x']] },
    { environment: [['PWD', '/']] },
    { environment: [['LONG', 'x'.repeat(130_000)]] },
    { scope: ['/usr/bin/systemd-run', '--'] },
  ];
  for (const other of others) assert.equal(canBeShell({ ...job, ...other }), false);
});
