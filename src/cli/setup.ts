/** mailcron-setup(8): a package of npm's → this machine's cron, and back again. */
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXIT, Failure } from '../system/failure.ts';
import { getpwnam } from '../system/libc/names.ts';
import { longOptions } from './longs.ts';
import {
  makeDirectories,
  missingDirectories,
  put,
  type Standing,
  standing,
} from './setup/files.ts';
import { findInit, hasSetpriv, howToStop, type Init, INITS, otherCrons } from './setup/machine.ts';
import { type Manifest, markOf, readManifest, writeManifest } from './setup/manifest.ts';
import { makePlan, type Places, type Plan, USER, type Wanted } from './setup/plan.ts';
import { unsafe } from './setup/safe.ts';
import { undo } from './setup/undo.ts';
import { attempt, type Doing, line, tell } from './setup/words.ts';
import { ask } from './terminal.ts';
import { version } from './version.ts';

const USAGE = `usage: mailcron-setup [--dry-run] [--yes] [--undo] [--root DIR] [--init NAME]

      --dry-run    show what would be done, and do nothing
      --yes        do not ask
      --undo       take away what was set up
      --root DIR   for the machine whose files are below DIR
      --init NAME  of this init: systemd, openrc, sysvinit or none
  -h, --help       show this
  -V, --version    show the version`;

const OPTIONS = ['dry-run', 'yes', 'undo', 'root:', 'init:', 'help', 'version'];

/** Run mailcron-setup; returns its exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const { options, operands } = longOptions(argv.slice(2), OPTIONS, 'hV', USAGE);
    if (operands.length > 0) throw wrong(`unexpected "${operands[0]}"`);
    if (options.has('help') || options.has('h')) return say(USAGE);
    if (options.has('version') || options.has('V')) return say(`mailcron ${version()}`);
    const root = resolve(options.get('root') ?? '/');
    const doing = { root, dryRun: options.has('dry-run'), yes: options.has('yes') };
    if (root === '/' && !doing.dryRun && process.geteuid?.() !== 0)
      throw new Failure('Only root can set up cron; --dry-run shows everybody what would be done', {
        exit: EXIT.NO_PERMISSION,
      });
    const before = readManifest(root);
    if (options.has('undo'))
      return before === null ? say('Nothing was set up here.') : undo(before, doing);
    return await setUp(initOf(options.get('init'), root), before, doing);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    process.stderr.write(`mailcron-setup: ${error.message}\n`);
    return error.exit;
  }
}

function say(text: string): number {
  tell(text);
  return EXIT.OK;
}

function wrong(problem: string): Failure {
  return new Failure(`usage error: ${problem}\n${USAGE}`, { exit: EXIT.USAGE });
}

function initOf(name: string | undefined, root: string): Init {
  if (name === undefined) return findInit(root);
  const init = INITS.find((known) => known === name);
  if (init === undefined) throw wrong(`--init is one of ${INITS.join(', ')}, not "${name}"`);
  return init;
}

async function setUp(init: Init, before: Manifest | null, doing: Doing): Promise<number> {
  const { root, dryRun, yes } = doing;
  const places = findPlaces(root);
  const plan = makePlan(init, places);
  const files = plan.files.map((wanted) => ({ wanted, how: standing(root, wanted, before) }));
  const isNew = ({ how }: { how: Standing }): boolean => how === 'missing' || how === 'old';
  const written = files.filter(isNew).map(({ wanted }) => wanted);
  const paths = [
    ...written.map(({ path }) => path),
    ...plan.directories.map((path) => `${path}/.`),
  ];
  const directories = missingDirectories(root, paths);
  const isKnown = (root !== '/' && before?.user === true) || (await hasUser(root));
  const user = isKnown ? null : plan.user;
  const isComplete = before?.complete === true && written.length === 0;
  const commands = [...(user === null ? [] : [user]), ...(isComplete ? [] : plan.begin)];

  tell(`mailcron ${version()} in ${places.package}, run by ${places.node}`);
  tell(`init      ${init}${init === 'none' ? ': who starts "cron -f" is up to you' : ''}`);
  for (const directory of directories) line('make', `${directory}/`);
  for (const { wanted, how } of files)
    if (how !== 'there' && how !== 'foreign')
      line(how === 'changed' ? 'leave' : 'write', wanted.path, how === 'changed');
  for (const command of commands) line('run', command.join(' '));
  const foreign = files.filter(({ how }) => how === 'foreign').map(({ wanted }) => wanted.path);
  const problems = obstacles(init, before, places, foreign);
  if (problems.length > 0) throw new Failure(problems.join('\n'), { exit: EXIT.FAILURE });
  if (written.length + directories.length + commands.length === 0)
    return say('All of it is in place.');
  if (dryRun) return EXIT.OK;
  if (!yes && !ask('Go on? [y/n] ', 'Please enter Y or N: ')) return EXIT.OK;

  // Before anything is made: whatever happens, it can be undone.
  const manifest = manifestOf(init, before, plan, { written, directories, user: user !== null });
  mkdirSync(root, { recursive: true });
  writeManifest(root, manifest);
  makeDirectories(root, directories, plan.directories);
  for (const wanted of written) put(root, wanted);
  for (const command of commands) {
    const problem = attempt(root, command);
    if (problem !== null)
      throw new Failure(
        `${problem}\nmailcron-setup goes on where it was when it is run again, and takes all away with --undo`,
        { exit: EXIT.FAILURE },
      );
  }
  writeManifest(root, { ...manifest, complete: true });
  if (before !== null && root === '/')
    tell('A cron that runs goes on as it was until it is restarted; no job is lost by that.');
  return EXIT.OK;
}

/** The package and Node, as they are seen from the root. */
function findPlaces(root: string): Places {
  const real = realpathSync(fileURLToPath(new URL('../../..', import.meta.url)));
  const seen = (path: string): string => {
    const inside = relative(root, path);
    return root !== '/' && !inside.startsWith('..') ? join('/', inside) : path;
  };
  return { root, package: seen(real), node: seen(process.execPath) };
}

/** Why it cannot be done; empty: it can. */
function obstacles(
  init: Init,
  before: Manifest | null,
  places: Places,
  foreign: readonly string[],
): string[] {
  const problems = foreign.map(
    (path) =>
      `${path} is there and not ours: move it away, or remove the package that it belongs to`,
  );
  if (before !== null && before.init !== init)
    problems.push(`this machine was set up for ${before.init}: take that away with --undo first`);
  if (places.root !== '/') return problems;
  for (const { pid, name } of otherCrons())
    problems.push(
      `another cron is running, ${name} with pid ${pid}: its crontabs stay when it is ended by`,
      ...howToStop(init).map((command) => `    ${command}`),
    );
  if (!hasSetpriv())
    problems.push(
      '/usr/bin/setpriv of util-linux is missing: install util-linux, on Alpine the package "setpriv"',
    );
  for (const path of [places.node, places.package]) {
    const problem = unsafe(path);
    if (problem !== null)
      problems.push(`${problem}: install Node and mailcron as root, for all (npm install -g)`);
  }
  return problems;
}

async function hasUser(root: string): Promise<boolean> {
  if (root === '/') return (await getpwnam(USER)) !== null;
  const file = join(root, 'etc/passwd');
  return existsSync(file) && new RegExp(`^${USER}:`, 'm').test(readFileSync(file, 'utf8'));
}

function manifestOf(
  init: Init,
  before: Manifest | null,
  { end, after }: Plan,
  made: { written: readonly Wanted[]; directories: readonly string[]; user: boolean },
): Manifest {
  const marks = made.written.map((wanted) => [wanted.path, markOf(wanted)] as const);
  return {
    version: version(),
    init,
    files: { ...before?.files, ...Object.fromEntries(marks) },
    directories: [...(before?.directories ?? []), ...made.directories],
    user: made.user || before?.user === true,
    end,
    after,
    complete: false,
  };
}
