/** No history to be had: jobs go on, it is said once, and what can be made up for is. */
import assert from 'node:assert/strict';
import {
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  cpSync,
  writeSync,
  openSync,
  closeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { needsRoot, openSandbox, type Sandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

const project = new URL('../../../', import.meta.url).pathname;

/** Make a copy of the package for a machine that libsql is not made for. */
function withoutSqlite(sandbox: Sandbox): string {
  const home = sandbox.path('package');
  mkdirSync(home);
  for (const name of ['bin', 'dist/src', 'package.json'])
    cpSync(join(project, name), join(home, name), { recursive: true });
  const modules = realpathSync(join(project, 'node_modules'));
  for (const name of readdirSync(modules).filter((each) => !each.includes('libsql'))) {
    const place = join(home, 'node_modules', name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(modules, name), place);
  }
  return home;
}

/** Run a job by hand, to its end. */
async function runJob(sandbox: Sandbox, entry: string): Promise<void> {
  const { status, stderr } = await sandbox.cronctl(['run', entry]);
  assert.equal(status, 0, stderr);
}

const saysSo = (sandbox: Sandbox): string[] => sandbox.logged(/the history cannot be written/);

test('without SQLite jobs go on, it is logged once, and cronctl says why there is no history', async (t) => {
  const sandbox = openSandbox(t);
  const home = withoutSqlite(sandbox);
  sandbox.tab('@yearly echo one\n@reboot echo two\n');
  const daemon = await sandbox.start([], { home });
  await sandbox.mailed(1);
  for (let n = 0; n < 2; n++) {
    const { status, stdout, stderr } = await sandbox.cronctl(['history']);
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /^cronctl: The history cannot be read: Cannot find package 'libsql'.*\n$/);
  }
  const { status, stderr } = await sandbox.cronctl(['log', 'nosuch']);
  assert.deepEqual([status, stderr.includes("Cannot find package 'libsql'")], [1, true]);
  await runJob(sandbox, '1');
  await sandbox.mailed(2);
  assert.equal(saysSo(sandbox).length, 1, sandbox.log());
  daemon.kill('SIGTERM');
  assert.equal((await daemon.ended).status, 0);

  // SQLite is there now: nothing was lost.
  await sandbox.start();
  const { stdout } = await sandbox.cronctl(['history']);
  assert.match(stdout, / echo one$/m);
  assert.match(stdout, / echo two$/m);
});

test(
  'on a full disk jobs go on, it is said once, and their runs arrive when there is room',
  needsRoot,
  async (t) => {
    const sandbox = openSandbox(t);
    const state = sandbox.path('state');
    mkdirSync(state);
    sandbox.tab('@yearly echo before\n@yearly echo meanwhile\n');
    const small = `mount -t tmpfs -o size=4m none ${state} && exec "$@"`;
    const daemon = await sandbox.start([], {
      within: ['unshare', '-m', '/bin/sh', '-c', small, 'sh'],
    });
    await runJob(sandbox, '1');
    const history = (): ReturnType<Sandbox['cronctl']> => sandbox.cronctl(['history']);
    assert.match((await history()).stdout, / echo before$/m);

    const filling = join(`/proc/${daemon.pid}/root`, state, 'filling');
    fill(filling);
    for (let n = 0; n < 3; n++) await runJob(sandbox, '2');
    const { status, stdout, stderr } = await history();
    assert.deepEqual([status, stdout.match(/ echo \w+$/gm)], [0, [' echo before']]);
    const why = 'the history cannot be written: database or disk is full';
    assert.equal(stderr, `cronctl: the latest runs may be missing: ${why}\n`);
    await history();
    assert.equal(saysSo(sandbox).length, 1, sandbox.log());

    rmSync(filling);
    const isThere = async (): Promise<boolean> => {
      const told = await history();
      return told.stderr === '' && told.stdout.match(/ echo meanwhile$/gm)?.length === 3;
    };
    await until('all runs are in the history', isThere, { evidence: () => sandbox.evidence() });
  },
);

/** Fill a disk to its last block. */
function fill(file: string): void {
  const fd = openSync(file, 'w');
  try {
    for (let size = 65_536; size >= 4096; size /= 2) fillBy(fd, Buffer.alloc(size));
  } finally {
    closeSync(fd);
  }
}

function fillBy(fd: number, piece: Buffer): void {
  try {
    while (writeSync(fd, piece) > 0);
  } catch (error) {
    assert.match(String(error), /ENOSPC/);
  }
}
