/** The mailbox of one's own: nothing else is ever written to, and nobody writes at the same time. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { test, type TestContext } from 'node:test';
import { takeDotlock } from '../../src/mail/dotlock.ts';
import { putInMailbox } from '../../src/mail/mailbox.ts';
import { lockRecords } from '../../src/system/libc/locks.ts';
import { me, needsRoot, openSandbox, userTest } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

interface Mailbox {
  readonly file: string;
  readonly folder: string;
  readonly put: (body: string, patience?: number, signal?: AbortSignal) => Promise<void>;
  readonly text: () => string;
}

function open(t: TestContext): Mailbox {
  const folder = openSandbox(t).path('mailbox');
  const file = `${folder}/${me}`;
  return {
    file,
    folder,
    put: (body, patience = 30_000, signal = new AbortController().signal) =>
      putInMailbox({ format: 'mbox', path: file, patience }, 'x@y', message(body), signal),
    text: () => readFileSync(file, 'latin1'),
  };
}

async function* message(body: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`Subject: x\n\n${body}`);
}

const mails = (text: string): number => text.split(/(?<![^\n])From x@y /).length - 1;

/** Another program that holds the record lock of a file, as lockf(3) takes it. */
async function lockedBy(t: TestContext, file: string): Promise<ChildProcess> {
  const program = `
import fcntl, sys, time
f = open(sys.argv[1], 'r+')
fcntl.lockf(f, fcntl.LOCK_EX)
print('locked', flush=True)
time.sleep(600)`;
  const other = spawn('python3', ['-c', program, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => other.kill('SIGKILL'));
  await once(other.stdout, 'data');
  return other;
}

test('putInMailbox() makes a mailbox for its user alone, and leaves no lock', async (t) => {
  const { file, put, text } = open(t);
  await put('one\n');
  await put('two\n');
  assert.equal(statSync(file).mode & 0o7777, 0o600);
  assert.match(text(), /^From [^]*\n\none\n\nFrom [^]*\n\ntwo\n\n$/);
  assert.ok(!existsSync(`${file}.lock`));
});

test('putInMailbox() appends whole mails when many come at once', async (t) => {
  const { put, text } = open(t);
  const bodies = Array.from({ length: 20 }, (_, index) => `${index}:${'x'.repeat(9000)}\n`);
  await Promise.all(bodies.map((body) => put(body)));
  const found = text()
    .split(/(?<![^\n])From .*\n/)
    .slice(1)
    .map((mail) => mail.slice(mail.indexOf('\n\n') + 2, -1));
  assert.deepEqual(found.toSorted(), bodies.toSorted());
});

const traps: Record<string, [says: string, set: (file: string, victim: string) => void]> = {
  'a symbolic link': ['is a symbolic link', (file, victim) => symlinkSync(victim, file)],
  'a dangling symbolic link': ['is a symbolic link', (file) => symlinkSync('nowhere', file)],
  'a hard link': ['has more than one name', (file, victim) => linkSync(victim, file)],
  'a FIFO': ['is not a plain file', (file) => execFileSync('mkfifo', [file])],
  'a directory': ['is a directory', (file) => mkdirSync(file)],
};
for (const [what, [says, set]] of Object.entries(traps))
  test(`putInMailbox() does not write to ${what}`, async (t) => {
    const { file, folder, put } = open(t);
    const victim = `${folder}/victim`;
    writeFileSync(victim, 'precious', { mode: 0o600 });
    set(file, victim);
    await assert.rejects(put('x'), { message: `"${file}" ${says}` });
    assert.equal(readFileSync(victim, 'latin1'), 'precious');
    for (const path of [`${folder}/nowhere`, `${file}.lock`]) assert.ok(!existsSync(path));
  });

test('putInMailbox() does not write to a FIFO that somebody reads', async (t) => {
  const { file, put } = open(t);
  execFileSync('mkfifo', [file]);
  const fd = openSync(file, 'r+');
  await assert.rejects(put('x'), { message: `"${file}" is not a plain file` });
  closeSync(fd);
});

test('putInMailbox() does not write to a device', needsRoot, async (t) => {
  const { file, put } = open(t);
  execFileSync('mknod', [file, 'c', '1', '3']);
  await assert.rejects(put('x'), { message: `"${file}" is not a plain file` });
});

test('putInMailbox() does not write to another user’s file', needsRoot, async (t) => {
  const { file, put, text } = open(t);
  writeFileSync(file, '');
  execFileSync('chown', ['daemon', file]);
  await assert.rejects(put('x'), { message: `"${file}" belongs to another user` });
  assert.equal(text(), '');
});

userTest('putInMailbox() does not write to a file that may only be read', async (t) => {
  const { file, put } = open(t);
  writeFileSync(file, '', { mode: 0o400 });
  await assert.rejects(put('x'), { code: 'EACCES' });
});

test('putInMailbox() says that there is no directory of mailboxes', async (t) => {
  const path = openSandbox(t).path('nowhere', me);
  const place = { format: 'mbox', path, patience: 1000 } as const;
  await assert.rejects(putInMailbox(place, 'x', message('x'), new AbortController().signal), {
    code: 'ENOENT',
  });
});

test('putInMailbox() waits for the record lock of another program', async (t) => {
  const { file, put, text } = open(t);
  writeFileSync(file, '', { mode: 0o600 });
  const other = await lockedBy(t, file);
  await assert.rejects(put('x', 300), {
    message: `"${file}" is locked by another program (fcntl)`,
  });
  const done = put('x');
  assert.equal(text(), '');
  other.kill('SIGKILL');
  await done;
  assert.equal(mails(text()), 1);
});

test('putInMailbox() gives up when it is told to', async (t) => {
  const { file, put, text } = open(t);
  writeFileSync(`${file}.lock`, '');
  const over = new AbortController();
  const done = put('x', 30_000, over.signal);
  over.abort();
  await assert.rejects(done, { name: 'AbortError' });
  assert.equal(text(), '');
});

test('putInMailbox() waits for the lock file, and meanwhile lets others have the record lock', async (t) => {
  const { file, put, text } = open(t);
  writeFileSync(file, '', { mode: 0o600 });
  writeFileSync(`${file}.lock`, '');
  await assert.rejects(put('x', 300), {
    message: `"${file}" is locked by another program ("${file}.lock")`,
  });
  const done = put('x');
  const fd = openSync(file, 'r+');
  await until('the record lock is free', () => lockRecords(fd));
  assert.equal(text(), '');
  unlinkSync(`${file}.lock`);
  closeSync(fd);
  await done;
  assert.equal(mails(text()), 1);
  assert.ok(!existsSync(`${file}.lock`));
});

test('putInMailbox() makes a mailbox anew that a mail reader removes meanwhile', async (t) => {
  const { file, put, text } = open(t);
  writeFileSync(file, 'old', { mode: 0o600 });
  const other = await lockedBy(t, file);
  const done = put('x');
  unlinkSync(file);
  other.kill('SIGKILL');
  await done;
  assert.match(text(), /^From x@y /);
});

userTest('putInMailbox() does without a lock file where nobody can make one', async (t) => {
  const { file, folder, put, text } = open(t);
  writeFileSync(file, '', { mode: 0o600 });
  chmodSync(folder, 0o555);
  await put('x');
  chmodSync(folder, 0o755);
  assert.equal(mails(text()), 1);
});

/** A pid that nobody has: that of a process that has ended and was waited for. */
const dead = Number(execFileSync('sh', ['-c', 'echo $$'], { encoding: 'latin1' }));

/** What a lock file holds, how many seconds old it is, and whether it is in force. */
const lockFiles: Record<string, [content: string, age: number, holds: boolean]> = {
  'a new one': ['', 0, true],
  'one of four minutes': ['', 240, true],
  'one of six minutes': ['', 360, false],
  'one of six minutes whose process is there': [`${process.pid}\n`, 360, false],
  'one of two minutes whose process is there': [`${process.pid}\n`, 120, true],
  'one of two minutes whose process is gone': [`${dead}\n`, 120, false],
  'a new one whose process is gone': [`${dead}\n`, 0, true],
  'one of two minutes that names no process': ['0', 120, true],
  'one of two minutes with anything in it': ['99999999999 1\n', 120, true],
  'one of the future': [`${dead}\n`, -3600, true],
};
for (const [what, [content, age, holds]] of Object.entries(lockFiles))
  test(`takeDotlock() ${holds ? 'respects' : 'removes'} ${what}`, (t) => {
    const { file } = open(t);
    const lock = `${file}.lock`;
    writeFileSync(lock, content);
    const then = Date.now() / 1000 - age;
    utimesSync(lock, then, then);
    assert.equal(takeDotlock(file), 'taken');
    assert.equal(existsSync(lock), holds);
    const taken = takeDotlock(file);
    assert.equal(typeof taken === 'object', !holds);
  });

test('takeDotlock() neither follows nor removes a lock file that is no file', (t) => {
  const { file, folder } = open(t);
  symlinkSync('victim', `${file}.lock`);
  utimesSync(folder, 0, 0);
  assert.equal(takeDotlock(file), 'taken');
  assert.ok(!existsSync(`${folder}/victim`));
});

test('takeDotlock() writes its process into the file, and removes no other one', (t) => {
  const { file } = open(t);
  const lock = `${file}.lock`;
  const ours = takeDotlock(file);
  assert.ok(typeof ours === 'object' && ours !== null);
  assert.equal(readFileSync(lock, 'latin1'), `${process.pid}\n`);
  writeFileSync(`${lock}.new`, 'another one');
  renameSync(`${lock}.new`, lock);
  ours.release();
  assert.equal(readFileSync(lock, 'latin1'), 'another one');
});
