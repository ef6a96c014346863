/** The system calls that Node lacks, each once, against what the system itself says. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { position } from '../../src/system/libc/blocks.ts';
import { closeOnExec, descriptorLimit, dup2, pipe } from '../../src/system/libc/descriptors.ts';
import { codeset } from '../../src/system/libc/locale.ts';
import { lock, lockRecords } from '../../src/system/libc/locks.ts';
import { freeze, memoryFile, seal } from '../../src/system/libc/memory.ts';
import { getgrnam, getgrouplist, getpwnam, getpwuid } from '../../src/system/libc/names.ts';
import { datagramSocket, send } from '../../src/system/libc/sockets.ts';

const folder = mkdtempSync(join(tmpdir(), 'libc-'));
after(() => rmSync(folder, { recursive: true }));

const flags = (fd: number): string =>
  /^flags:\t(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
const O_CLOEXEC = 0o2000000;
const isCloseOnExec = (fd: number): boolean => (Number.parseInt(flags(fd), 8) & O_CLOEXEC) !== 0;

test('pipe() makes a real pipe that no program inherits', () => {
  const { read, write } = pipe();
  assert.ok(fstatSync(read).isFIFO());
  assert.ok(isCloseOnExec(read) && isCloseOnExec(write));
  writeSync(write, 'hello');
  const buffer = Buffer.alloc(10);
  assert.equal(readSync(read, buffer), 5);
  closeSync(read);
  closeSync(write);
});

test('freeze() lets nobody write to a memory file, not even by opening it anew', () => {
  const fd = memoryFile('test');
  writeSync(fd, 'hello');
  freeze(fd);
  assert.throws(() => writeSync(fd, 'x', 0), { code: 'EPERM' });
  assert.throws(() => writeFileSync(`/proc/self/fd/${fd}`, 'x'), { code: 'EPERM' });
  assert.equal(readFileSync(`/proc/self/fd/${fd}`, 'latin1'), 'hello');
  closeSync(fd);
  assert.throws(() => freeze(fd), { code: 'EBADF' });
});

test('position() tells how far those who inherit a file have read it', () => {
  const fd = memoryFile('test');
  writeSync(fd, 'hello\nworld\n');
  const shared = openSync(`/proc/self/fd/${fd}`, 'r');
  assert.equal(position(shared), 0);
  spawnSync('head', ['-c', '8'], { stdio: [shared, 'ignore', 'inherit'] });
  assert.equal(position(shared), 8);
  spawnSync('cat', ['/dev/stdin'], { stdio: [shared, 'ignore', 'inherit'] });
  assert.equal(position(shared), 8, 'opened anew, it is another open file');
  for (const one of [fd, shared]) closeSync(one);
  const { read, write } = pipe();
  assert.throws(() => position(read), { code: 'ESPIPE' });
  for (const one of [read, write]) closeSync(one);
});

test('dup2() puts one open file in the place of another', () => {
  const { read, write } = pipe();
  const nowhere = openSync('/dev/null', 'w');
  dup2(write, nowhere);
  writeSync(nowhere, 'x');
  assert.equal(readSync(read, Buffer.alloc(9)), 1);
  for (const fd of [read, write, nowhere]) closeSync(fd);
  assert.throws(() => dup2(9999, 9998), { code: 'EBADF' });
});

test('closeOnExec() keeps a descriptor from programs', () => {
  const { read, write } = pipe();
  dup2(write, 40);
  assert.ok(!isCloseOnExec(40));
  closeOnExec(40);
  assert.ok(isCloseOnExec(40));
  for (const fd of [read, write, 40]) closeSync(fd);
  assert.throws(() => closeOnExec(40), { code: 'EBADF' });
});

test('lock() is held by one open file, until it is closed', () => {
  const file = join(folder, 'lock');
  const [one, other] = [openSync(file, 'w'), openSync(file, 'r')];
  assert.equal(lock(one), true);
  assert.equal(lock(other), false);
  closeSync(one);
  assert.equal(lock(other), true);
  closeSync(other);
  assert.throws(() => lock(other), { code: 'EBADF' });
});

test('lockRecords() is held by one open file, and is lockf’s lock', () => {
  const file = join(folder, 'records');
  const [one, other] = [openSync(file, 'w'), openSync(file, 'r+')];
  assert.equal(lockRecords(one), true);
  assert.equal(lockRecords(one), true, 'once more');
  assert.equal(lockRecords(other), false);
  const lockf = `import fcntl; fcntl.lockf(open('${file}', 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)`;
  const tried = (): string => spawnSync('python3', ['-c', lockf], { encoding: 'utf8' }).stderr;
  assert.match(tried(), /BlockingIOError/);
  closeSync(one);
  assert.equal(tried(), '');
  assert.equal(lockRecords(other), true);
  closeSync(other);
  assert.throws(() => lockRecords(other), { code: 'EBADF' });
});

test('getgrnam() finds the number of a group', async () => {
  assert.equal(await getgrnam('root'), 0);
  const daemon = /^daemon:[^:]*:(\d+):/m.exec(readFileSync('/etc/group', 'utf8'))?.[1];
  assert.equal(await getgrnam('daemon'), Number(daemon));
  assert.equal(await getgrnam('no-such-group'), null);
});

test('memoryFile() has no name, and after seal() no other size', () => {
  const fd = memoryFile('test');
  writeSync(fd, 'hello', 0);
  seal(fd);
  writeSync(fd, 'HE', 0);
  assert.throws(() => writeSync(fd, 'longer', 3), { code: 'EPERM' });
  assert.equal(readFileSync(`/proc/self/fd/${fd}`, 'utf8'), 'HEllo');
  assert.ok(isCloseOnExec(fd));
  closeSync(fd);
});

test('descriptorLimit() is that of ulimit', () => {
  // Node raises its own soft limit to the hard one, and hands it on.
  const ulimit = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).stdout.trim();
  const { soft, hard } = descriptorLimit();
  assert.equal(hard, ulimit === 'unlimited' ? Infinity : Number(ulimit));
  assert.ok(soft <= hard);
});

test('getpwnam() and getpwuid() find the same', async () => {
  const root = await getpwnam('root');
  assert.equal(root?.uid, 0);
  assert.deepEqual(getpwuid(0), root);
  assert.equal(await getpwnam('no-such-user'), null);
  assert.equal(getpwuid(123_456_789), null);
});

test('getpwnam() can be asked by many at once', async () => {
  const found = await Promise.all(
    Array.from({ length: 200 }, (_, index) => getpwnam(index % 2 === 0 ? 'root' : 'nobody')),
  );
  assert.ok(found.every((user, index) => user?.name === (index % 2 === 0 ? 'root' : 'nobody')));
});

test('getgrouplist() has the primary group among all', async () => {
  assert.ok((await getgrouplist('root', 0)).includes(0));
  assert.deepEqual(await getgrouplist('no-such-user', 77), [77]);
});

test('datagramSocket() says that nobody listens', () => {
  assert.throws(() => datagramSocket(join(folder, 'nowhere')), { code: 'ENOENT' });
});

// Node has no unix datagrams of its own to receive with.
const python = spawnSync('python3', ['-V']).status === 0;
const receiver = { skip: python ? false : 'needs python3, to receive' };

test('send() hands a datagram to a unix socket, and says when it could not', receiver, async () => {
  const file = join(folder, 'log');
  const listener = spawn('python3', [
    '-c',
    'import socket,sys;s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);s.bind(sys.argv[1]);' +
      'print("ready",flush=True);print(s.recv(100).decode(),flush=True);s.close()',
    file,
  ]);
  let said = '';
  listener.stdout.on('data', (data: Buffer) => (said += data.toString()));
  while (!said.startsWith('ready')) await new Promise((resolve) => setTimeout(resolve, 5));
  const fd = datagramSocket(file);
  assert.equal(send(fd, Buffer.from('<78>hello')), true);
  await new Promise((resolve) => listener.once('close', resolve));
  assert.equal(said, 'ready\n<78>hello\n');
  assert.equal(send(fd, Buffer.from('x')), false, 'nobody is there any more');
  closeSync(fd);
});

test('codeset() is that of the locale', () => {
  const module = new URL('../../src/system/libc/locale.js', import.meta.url).href;
  const program = `import { codeset } from ${JSON.stringify(module)}; process.stdout.write(codeset());`;
  const of = (environment: NodeJS.ProcessEnv): string =>
    spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
      env: environment,
    }).stdout;
  assert.equal(of({}), 'ANSI_X3.4-1968');
  assert.equal(of({ LC_ALL: 'C' }), 'ANSI_X3.4-1968');
  assert.equal(of({ LANG: 'C.UTF-8' }), 'UTF-8');
  assert.equal(of({ LANG: 'xx_XX.NOWHERE' }), 'ANSI_X3.4-1968', 'as if there were none');
  assert.match(codeset(), /^[A-Za-z0-9_.-]+$/);
});
