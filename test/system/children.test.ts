/** Processes that are started without fork(2), and what is told of their ends. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { reapStrangers, startChild } from '../../src/system/children.ts';
import { sealDescriptors } from '../../src/system/process.ts';

const folder = mkdtempSync(join(tmpdir(), 'children-'));
const nothing = openSync('/dev/null', 'r+');
after(() => {
  closeSync(nothing);
  rmSync(folder, { recursive: true });
});

const shell = (script: string): ReturnType<typeof startChild> =>
  startChild(['/bin/sh', ['-c', script], [nothing, nothing, nothing]]);

test('startChild() tells how each of many ended, with children of Node among them', async () => {
  const others = Array.from({ length: 20 }, () => spawn('/bin/true'));
  const ends = Promise.all(others.map((child) => once(child, 'exit')));
  const codes = Array.from({ length: 60 }, (_, n) => n);
  const ended = await Promise.all(codes.map(async (code) => (await shell(`exit ${code}`)).ended));
  assert.deepEqual(
    ended.map(({ code }) => code),
    codes,
  );
  assert.deepEqual(new Set((await ends).map(([code]) => code)), new Set([0]));
});

for (const signal of ['SIGTERM', 'SIGKILL', 'SIGPIPE', 'SIGSEGV'] as const)
  test(`startChild() tells that ${signal} ended it`, async () => {
    const { code, signal: told } = await (await shell(`kill -${signal.slice(3)} $$`)).ended;
    assert.deepEqual([code, told], [null, signal]);
  });

test('startChild() starts the leader of a session, with no environment, signal or descriptor of ours', async () => {
  sealDescriptors(); // whoever started the tests may have left some open
  const file = join(folder, 'found');
  const output = openSync(file, 'w');
  // Read by the shell itself: while it starts another program it blocks signals.
  const script = `ps -o sid= -p $$ | tr -d ' '; wc -c < /proc/$$/environ
    while read -r name value; do case $name in SigBlk:|SigIgn:) echo "$name $value" ;; esac; done < /proc/$$/status
    ls /proc/$$/fd`;
  const { pid, ended } = await startChild(['/bin/sh', ['-c', script], [nothing, output, output]]);
  await ended;
  closeSync(output);
  const none = ' 0000000000000000';
  const found = [pid, 0, `SigBlk:${none}`, `SigIgn:${none}`, 0, 1, 2];
  assert.equal(readFileSync(file, 'utf8'), `${found.join('\n')}\n`);
});

test('startChild() tells what was used, in all', async () => {
  const { cpu } = await (await shell('i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done')).ended;
  assert.ok(cpu > 20, `${cpu} ms of work`);
  const idle = await (await shell('exec sleep 0.3')).ended;
  assert.ok(idle.cpu < 100, `${idle.cpu} ms of sleep`);
  assert.equal(idle.memory, null, 'less than this process has');
  const most = process.resourceUsage().maxRSS;
  const room = Math.ceil(most / 1024) + 50;
  const big = await (
    await shell(`head -c ${room}M /dev/zero | tail -c ${room}M > /dev/null`)
  ).ended;
  assert.ok((big.memory ?? 0) > most + 40 * 1024, `${big.memory} KiB of ${room} MiB`);
});

test('startChild() says why a program cannot be executed', async () => {
  const ends = [nothing, nothing, nothing];
  for (const isHere of [false, true]) {
    await assert.rejects(startChild(['/no/such', [], ends], { isHere }), { code: 'ENOENT' });
    await assert.rejects(startChild([folder, [], ends], { isHere }), { code: 'EACCES' });
  }
});

test('startChild() gives descriptors that are numbered like others of them', async () => {
  const file = join(folder, 'crossed');
  const output = openSync(file, 'w');
  const script = 'readlink /proc/self/fd/0 /proc/self/fd/2; ls /proc/$$/fd';
  const { ended } = await startChild(['/bin/sh', ['-c', script], [2, output, 0]]);
  assert.equal((await ended).code, 0);
  closeSync(output);
  const [stdin, stderr] = [0, 2].map((fd) => readlinkSync(`/proc/self/fd/${fd}`));
  assert.equal(readFileSync(file, 'utf8'), `${stderr}\n${stdin}\n0\n1\n2\n`);
});

test('startChild() leaves its own children to whoever waits for strangers', async () => {
  const strangers = new Set<number>();
  reapStrangers((pid) => strangers.add(pid) && false);
  const codes = Array.from({ length: 100 }, (_, n) => n);
  const ended = await Promise.all(codes.map(async (code) => (await shell(`exit ${code}`)).ended));
  assert.deepEqual(
    ended.map(({ code }) => code),
    codes,
  );
  assert.deepEqual(strangers, new Set());
});
