/** crontab(1) with a cron that is running: what it shows, installs and loads, and what is left when it is killed. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { me, needsRoot, openSandbox, type Sandbox } from '../support/sandbox.ts';
import { type Call, NOBODY, type Outcome, program } from './own-cron.ts';

const GOOD = '* * * * * true\n';
const silent: Outcome = { status: 0, out: '', err: '' };

/** Run crontab with the sandbox's cron. */
function crontab(
  sandbox: Sandbox,
  args: readonly string[],
  { input = '', env, asNobody = false }: Call = {},
): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: sandbox.root,
    input,
    env: environment(sandbox, env),
    encoding: 'latin1',
    timeout: 30_000,
    ...(asNobody ? { uid: NOBODY, gid: NOBODY } : {}),
  });
  return { status, out: stdout, err: stderr };
}

function environment(sandbox: Sandbox, more?: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const tmp = sandbox.path('tmp');
  mkdirSync(tmp, { recursive: true });
  chmodSync(tmp, 0o1777);
  return { PATH: process.env['PATH'], CRON_CONFIG: sandbox.config, TMPDIR: tmp, ...more };
}

/** How many entries are in force, by cron's own word. */
function entries(sandbox: Sandbox): number {
  const cronctl = join(program, '../cronctl');
  const { stdout } = spawnSync(process.execPath, [cronctl, 'status', '--json'], {
    env: environment(sandbox),
    encoding: 'utf8',
  });
  const { entries: count }: { entries: number } = JSON.parse(stdout);
  return count;
}

test('crontab has cron install, list and remove, at once, and cron logs each', async (t) => {
  const sandbox = openSandbox(t);
  await sandbox.start();
  assert.deepEqual(crontab(sandbox, ['-l']), {
    ...silent,
    status: 1,
    err: `no crontab for ${me}\n`,
  });
  assert.deepEqual(crontab(sandbox, ['-'], { input: GOOD }), silent);
  assert.equal(entries(sandbox), 1);
  assert.deepEqual(crontab(sandbox, ['-l']), { ...silent, out: GOOD });
  assert.deepEqual(crontab(sandbox, ['-r']), silent);
  assert.equal(entries(sandbox), 0);
  assert.deepEqual(crontab(sandbox, ['-r']), {
    ...silent,
    status: 1,
    err: `no crontab for ${me}\n`,
  });
  const edited = crontab(sandbox, ['-e'], { env: { EDITOR: 'echo "@daily x" >' } });
  assert.equal(edited.status, 0);
  assert.match(crontab(sandbox, ['--restore']).err, /^crontab: restored /);
  assert.equal(crontab(sandbox, ['-l']).out, GOOD);
  const events = 'LIST REPLACE LIST DELETE BEGIN_EDIT REPLACE END_EDIT REPLACE LIST'.split(' ');
  assert.deepEqual(
    sandbox.logged(/ crontab\[\d+\]: /),
    events.map((event) => `(${me}) ${event.replace('_', ' ')} (${me})`),
  );
});

test('crontab -e tells when the table was changed meanwhile, and what to do', async (t) => {
  const sandbox = openSandbox(t);
  await sandbox.start();
  crontab(sandbox, ['-'], { input: GOOD });
  const other = `printf '@daily theirs\\n' | "${process.execPath}" "${program}" -`;
  const EDITOR = `edit() { ${other}; echo '@daily mine' >> "$1"; }; edit`;
  const { status, err } = crontab(sandbox, ['-e'], { env: { EDITOR } });
  assert.equal(status, 1);
  assert.match(err, /was changed by somebody else meanwhile, not installed\n/);
  assert.equal(crontab(sandbox, ['-l']).out, '@daily theirs\n');
  const [, left = ''] = /to install yours all the same: crontab (.*)\n/.exec(err) ?? [];
  assert.deepEqual(crontab(sandbox, [left]), silent);
  assert.equal(crontab(sandbox, ['-l']).out, `${GOOD}@daily mine\n`);
});

test('an edit is not lost when cron ends meanwhile', needsRoot, async (t) => {
  const sandbox = openSandbox(t);
  const daemon = await sandbox.start();
  const [began, socket] = [sandbox.path('tmp/began'), sandbox.path('run/cron.sock')];
  const EDITOR = `edit() { echo yes > ${began}; while [ -e ${socket} ]; do sleep 0.05; done; echo '@daily mine' > "$1"; }; edit`;
  const child = spawn(process.execPath, [program, '-e'], {
    cwd: sandbox.root,
    env: environment(sandbox, { EDITOR }),
    uid: NOBODY,
    gid: NOBODY,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let err = '';
  child.stderr.on('data', (piece: Buffer) => (err += String(piece)));
  const exit = once(child, 'close');
  await sandbox.file('tmp/began');
  daemon.kill('SIGTERM');
  assert.deepEqual(await exit, [1, null]);
  const left = /cron is not running, .*\ncrontab: edits left in (\/.*)\n$/.exec(err)?.[1] ?? '';
  assert.equal(readFileSync(left, 'utf8'), '@daily mine\n');
});

test(
  'crontab gives Debian’s words for cron.deny, also when only cron can read it',
  needsRoot,
  async (t) => {
    const sandbox = openSandbox(t);
    await sandbox.start();
    writeFileSync(sandbox.path('cron.deny'), 'nobody\n', { mode: 0o600 });
    const refused = {
      status: 1,
      out: '',
      err: 'You (nobody) are not allowed to use this program (crontab)\nSee crontab(1) for more information\n',
    };
    for (const args of [['-l'], ['-e'], ['-r'], ['-'], ['-n', '-'], ['--restore']])
      assert.deepEqual(crontab(sandbox, args, { input: 'bad\n', asNobody: true }), refused);
    assert.deepEqual(crontab(sandbox, ['-u', 'nobody', '-l']), {
      ...refused,
      err: 'The user nobody cannot use this program (crontab)\n',
    });
    const denials = sandbox.logged(/ crontab\[\d+\]: /);
    assert.deepEqual(denials, Array(6).fill('(nobody) AUTH (crontab command not allowed)'));
    writeFileSync(sandbox.path('cron.deny'), 'somebody\n');
    assert.deepEqual(crontab(sandbox, ['-'], { input: GOOD, asNobody: true }), silent);
  },
);

/** What `crontab -l` loads of ours: its time goes mostly into that. */
const LOADED = ['cli/crontab.cjs'];
/** What is in it, in the order of the alphabet. */
const BUNDLED = [
  'cli/crontab.js',
  'cli/list.js',
  'cli/options.js',
  'cli/session.js',
  'cli/tables.js',
  'cli/terminal.js',
  'control/client.js',
  'control/frames.js',
  'control/protocol.js',
  'spool/access.js',
  'system/defaults.js',
  'system/failure.js',
];
/** What a configuration costs besides. */
const FOR_CONFIGURATION = ['system/config.js', 'system/defaults.js', 'system/failure.js'];

test('the file that crontab is loaded from has no module that a list does not need', () => {
  const map = new URL('../../src/cli/crontab.cjs.map', import.meta.url);
  const { sources }: { sources: readonly string[] } = JSON.parse(readFileSync(map, 'utf8'));
  const modules = sources.map((source) => join('cli', source).replace(/.*src\//, ''));
  assert.deepEqual(modules.map((name) => name.replace(/\.ts$/, '.js')).toSorted(), BUNDLED);
});

test('crontab -l loads no module that it does not need', async (t) => {
  const sandbox = openSandbox(t);
  await sandbox.start();
  crontab(sandbox, ['-'], { input: GOOD });
  const folder = sandbox.path('coverage');
  const { out } = crontab(sandbox, ['-l'], { env: { NODE_V8_COVERAGE: folder } });
  assert.equal(out, GOOD);
  const [report = ''] = readdirSync(folder);
  const { result }: { result: readonly { url: string }[] } = JSON.parse(
    readFileSync(join(folder, report), 'utf8'),
  );
  const files = result.flatMap(({ url }) => (url.startsWith('file:') ? [fileURLToPath(url)] : []));
  const ours = files.flatMap((file) => /\/dist\/src\/(.*)$/.exec(file)?.[1] ?? []);
  assert.deepEqual(ours.toSorted(), [...LOADED, ...FOR_CONFIGURATION].toSorted());
  const packages = files.flatMap((file) => /.*\/node_modules\/([^/]+)/.exec(file)?.[1] ?? []);
  assert.deepEqual([...new Set(packages)].toSorted(), ['posix-getopt', 'smol-toml', 'valibot']);
});

/** Modules of Node's that take milliseconds, and that a list does without. */
const NOT_OF_NODE = ['perf_hooks', 'timers/promises', 'internal/deps/cjs-module-lexer/lexer'];

test('crontab -l has Node load nothing that it does not need', async (t) => {
  const sandbox = openSandbox(t);
  await sandbox.start();
  crontab(sandbox, ['-'], { input: GOOD });
  const told = sandbox.path('loaded');
  const probe = sandbox.path('probe.cjs');
  const tell = `writeFileSync(${JSON.stringify(told)}, JSON.stringify(process.moduleLoadList))`;
  writeFileSync(probe, `process.on('exit', () => require('node:fs').${tell});`);
  const env = { NODE_OPTIONS: `--require=${probe}` };
  assert.deepEqual(crontab(sandbox, ['-l'], { env }), { ...silent, out: GOOD });
  const loaded: readonly string[] = JSON.parse(readFileSync(told, 'utf8'));
  assert.ok(loaded.includes('NativeModule net'));
  assert.deepEqual(
    NOT_OF_NODE.filter((name) => loaded.includes(`NativeModule ${name}`)),
    [],
  );
});

/** Environment → whether `crontab -l` on a terminal has colours. */
const terminals: readonly [env: NodeJS.ProcessEnv, coloured: boolean][] = [
  [{ TERM: 'xterm' }, true],
  [{ TERM: 'xterm', NO_COLOR: '' }, true],
  [{ TERM: 'xterm', NO_COLOR: '1' }, false],
  [{ TERM: 'dumb' }, false],
  [{}, false],
];
for (const [env, coloured] of terminals) {
  test(`crontab -l on a terminal with ${JSON.stringify(env)} is ${coloured ? '' : 'not '}coloured`, (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab(GOOD);
    const command = `"${process.execPath}" "${program}" -l`;
    const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
      env: environment(sandbox, env),
      encoding: 'latin1',
      input: '',
    });
    const shown = coloured ? '\x1b[36m* * * * * \x1b[0mtrue' : '* * * * * true';
    assert.ok(stdout.includes(shown), stdout);
    assert.equal(stdout.includes('\x1b'), coloured);
  });
}

test('a client that is killed at any moment leaves a whole table, in force', async (t) => {
  const sandbox = openSandbox(t);
  await sandbox.start();
  const tables = Array.from({ length: 40 }, (_, n) => `@daily job ${n}\n`.repeat(1000 + n));
  crontab(sandbox, ['-'], { input: tables[0] ?? '' });
  let installed = 0;
  for (const [n, table] of tables.entries()) {
    const file = sandbox.path('table');
    writeFileSync(file, table);
    const child = spawn(process.execPath, [program, file], {
      env: environment(sandbox),
      stdio: 'ignore',
    });
    const exit = once(child, 'exit');
    await Promise.race([pause(60 + Math.random() * 200), exit]);
    child.kill('SIGKILL');
    await exit;
    const { out } = crontab(sandbox, ['-l']);
    const which = tables.indexOf(out);
    assert.ok(which === n || which === installed, `a table of ${out.length} bytes`);
    installed = which;
    assert.equal(entries(sandbox), 1000 + which);
  }
  assert.deepEqual(readdirSync(sandbox.path('spool')), [me]);
});
