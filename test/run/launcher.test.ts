/** The launcher: what it starts is the program itself, as the user, with what it was told and nothing else. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemLauncher } from '../../src/run/launcher.ts';
import { needsRoot, userTest } from '../support/sandbox.ts';
import { launcher, run, self, userNamed } from './started.ts';

const folder = mkdtempSync(join(tmpdir(), 'launcher-'));
chmodSync(folder, 0o755);
after(() => rmSync(folder, { recursive: true }));

const sh = (command: string): readonly ['/bin/sh', '-c', string] => ['/bin/sh', '-c', command];
const lines = (output: string): string[] => output.trim().split('\n');

test('systemLauncher() starts the leader of a session and a group of its own, without a terminal', async () => {
  const { output } = await run({ argv: sh('ps -o pid=,pgid=,sid=,tty= -p $$') });
  const [pid, group, session, terminal] = output.trim().split(/ +/);
  assert.equal(group, pid);
  assert.equal(session, pid);
  assert.equal(terminal, '?');
});

test('systemLauncher() tells how the program ended', async () => {
  const reached = { reached: true, homeless: false, output: '' };
  const endings: Record<string, { code: number | null; signal: string | null }> = {
    true: { code: 0, signal: null },
    'exit 3': { code: 3, signal: null },
    'exit 255': { code: 255, signal: null },
    'kill -TERM $$': { code: null, signal: 'SIGTERM' },
    'kill -KILL $$': { code: null, signal: 'SIGKILL' },
  };
  for (const [command, ending] of Object.entries(endings)) {
    const { usage, ...told } = await run({ argv: sh(command) });
    assert.deepEqual(told, { ...ending, ...reached }, command);
    assert.ok(usage !== undefined && usage.cpu > 0 && usage.cpu < 1000);
  }
});

test('systemLauncher() says that a program was never reached', async () => {
  const missing = await run({ argv: ['/nowhere/sh', '-c', 'true'] });
  assert.equal(missing.reached, false);
  assert.equal(missing.code, 1);
  assert.equal(missing.output, '/nowhere/sh: execle: No such file or directory\n');
});

test('systemLauncher() runs a program in "/" whose directory cannot be entered, and says so', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  for (const directory of ['/nowhere', file]) {
    const { output, homeless, reached } = await run({ argv: ['/bin/pwd'], directory });
    assert.deepEqual(
      { output, homeless, reached },
      { output: '/\n', homeless: true, reached: true },
    );
  }
});

test('systemLauncher() enters a directory whatever its name', async () => {
  for (const name of ['-', '-P', 'a b', "it's", '$(id)', '\xe9\xff', '%', 'x\ty', '..x']) {
    const directory = join(folder, name);
    mkdirSync(Buffer.from(directory, 'latin1'));
    const { output } = await run({ argv: ['/bin/pwd'], directory });
    assert.equal(output, `${directory}\n`);
  }
});

test('systemLauncher() gives three descriptors, real pipes that can be opened anew', async () => {
  // ls has one of its own open: the listing.
  const { output } = await run({ argv: ['/bin/ls', '/proc/self/fd'] });
  assert.equal(output, '0\n1\n2\n3\n');
  const both = await run({ argv: sh('echo out; echo err > /dev/stderr; cat /dev/stdin') }, 'in');
  assert.equal(both.output, 'out\nerr\nin');
  const kinds = await run({ argv: sh('for n in 0 1 2; do test -p /dev/fd/$n && echo $n; done') });
  assert.deepEqual(lines(kinds.output), ['0', '1', '2']);
});

test('systemLauncher() hands nothing of its own environment on', async () => {
  process.env['CRON_TEST_LEAK'] = '1';
  assert.equal((await run({ argv: ['/usr/bin/env'] })).output, '');
  delete process.env['CRON_TEST_LEAK'];
});

test('systemLauncher() puts no value on a command line', async () => {
  const environment = [['SECRET', 'hidden-value']] as const;
  const { output } = await run({
    argv: sh('cat /proc/self/cmdline /proc/$$/cmdline'),
    environment,
  });
  assert.doesNotMatch(output, /hidden-value/);
});

test('systemLauncher() resets the limit of descriptors that Node raises', async () => {
  assert.equal((await run({ argv: sh('ulimit -Sn') })).output, '1024\n');
  const few = systemLauncher(process.getuid?.() ?? -1, 64);
  assert.equal((await run({ argv: sh('ulimit -Sn') }, '', few)).output, '64\n');
});

test('systemLauncher() leaves no signal blocked or ignored', async () => {
  const { output } = await run({ argv: ['/bin/cat', '/proc/self/status'] });
  const masks = ['Blk', 'Ign', 'Cgt'].map(
    (name) => new RegExp(`^Sig${name}:\\t(.*)$`, 'm').exec(output)?.[1],
  );
  assert.deepEqual(masks, ['0'.repeat(16), '0'.repeat(16), '0'.repeat(16)]);
});

test('systemLauncher() starts with a crontab of the largest environment', async () => {
  const environment = Array.from(
    { length: 1000 },
    (_, index) => [`V${index}`, 'x'.repeat(1000)] as const,
  );
  const { output } = await run({
    argv: sh('env | wc -c'),
    environment,
  });
  assert.ok(Number(output) > 1_000_000, output);
});

test('systemLauncher() ends a start that the kernel refuses as a failed program', async () => {
  const value = 'x'.repeat(200_000); // a single variable has at most 128 KiB
  const { code, output } = await run({ argv: ['/usr/bin/env'], environment: [['V', value]] });
  assert.ok(code === 126 || code === 2, `${code}`);
  assert.match(output, /Argument list too long/);
});

test('systemLauncher() becomes the user, with all groups', needsRoot, async () => {
  const daemon = await userNamed('daemon');
  const user = { ...daemon, groups: [daemon.gid, 4, 27] };
  const { output } = await run({
    argv: sh('id -u; id -g; id -G; grep NoNewPrivs /proc/self/status'),
    user,
  });
  const [uid, gid, groups = '', privileges] = lines(output);
  assert.deepEqual([uid, gid], [`${daemon.uid}`, `${daemon.gid}`]);
  assert.deepEqual(new Set(groups.split(' ').map(Number)), new Set([daemon.gid, 27, 4]));
  assert.equal(privileges, 'NoNewPrivs:\t0');
});

test('systemLauncher() enters the directory as the user', needsRoot, async () => {
  const directory = join(folder, 'private');
  mkdirSync(directory, { mode: 0o700 });
  const user = await userNamed('daemon');
  const { output, homeless } = await run({ argv: ['/bin/pwd'], user, directory });
  assert.deepEqual({ output, homeless }, { output: '/\n', homeless: true });
});

userTest('systemLauncher() of an ordinary user starts nothing as somebody else', async () => {
  const user = { ...self, name: 'root', uid: 0 };
  await assert.rejects(run({ argv: sh('true'), user }), {
    message: 'only root can start a program as user "root"',
  });
});

test('systemLauncher() can start many programs at once', async () => {
  const results = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      run({ argv: sh(`echo ${index}; exit ${index}`) }, '', launcher),
    ),
  );
  assert.deepEqual(
    results.map(({ code, output }) => `${code} ${output.trim()}`),
    Array.from({ length: 40 }, (_, index) => `${index} ${index}`),
  );
});
