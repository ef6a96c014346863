/** A runner's journal: what was written is read back, whatever a crash made of the rest. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { isAbandoned } from '../../src/run/append.ts';
import {
  createJournal,
  type JournalContents,
  type JournalLine,
  readJournal,
  settle,
} from '../../src/run/journal.ts';
import { lock } from '../../src/system/libc/locks.ts';
import { firing } from './firings.ts';
import { errorOf, instead } from '../support/builtins.ts';
import { until } from '../support/wait.ts';

const folder = mkdtempSync(join(tmpdir(), 'journal-'));
after(() => rmSync(folder, { recursive: true }));

let count = 0;
const newFile = (): string => join(folder, `${++count}.journal`);

const RUNNER: JournalLine = { runner: 'r', pid: 17, started: 4711 };
const OK = { code: 0, signal: null };

function write(file: string, lines: readonly JournalLine[]): void {
  const journal = createJournal(file, (trouble) => assert.fail(trouble));
  journal.write(lines);
  journal.close();
}

/** Keys, and what is open: `a b | b=unknown c=0/12`. */
function told({ keys, open }: JournalContents): string {
  const runs = open.map(({ firing: { run }, exit, bytes, waiting, mailing = false }) => {
    if (exit !== null)
      return `${run}=${exit.code ?? exit.signal}/${bytes}${mailing ? ' mailing' : ''}`;
    return `${run}=${waiting ? 'waiting' : 'unknown'}`;
  });
  return `${keys.join(' ')} | ${runs.join(' ')}`;
}

const fire = (name: string): JournalLine => ({ fire: firing(name), at: 1 });

test('readJournal() tells what was started, and what of it is not done', () => {
  const file = newFile();
  write(file, [
    RUNNER,
    fire('a'),
    fire('b'),
    fire('c'),
    { end: 'a', exit: OK, bytes: 3 },
    { done: 'a' },
    { end: 'c', exit: { code: null, signal: 'SIGKILL' }, bytes: 12 },
    fire('d'),
    { wait: 'd' },
    fire('e'),
    { wait: 'e' },
    { begin: 'e' },
  ]);
  const contents = readJournal(file);
  assert.equal(told(contents), 'a@1 b@1 c@1 d@1 e@1 | b=unknown c=SIGKILL/12 d=waiting e=unknown');
  assert.deepEqual(contents.open[0]?.firing, firing('b'), 'the whole firing');
  assert.deepEqual([contents.pid, contents.started], [17, 4711]);
});

test('readJournal() tells whose mail was being handed over', () => {
  const file = newFile();
  const lines = ['a', 'b', 'c'].flatMap((run): JournalLine[] => [
    fire(run),
    { end: run, exit: OK, bytes: 3 },
    { mailing: run },
  ]);
  write(file, [RUNNER, ...lines, { unmailed: 'b' }, { done: 'c' }]);
  assert.equal(told(readJournal(file)), 'a@1 b@1 c@1 | a=0/3 mailing b=0/3');
});

test('readJournal() does not mind ends of runs that it does not know', () => {
  const file = newFile();
  write(file, [RUNNER, { end: 'x', exit: OK, bytes: 1 }, { done: 'y' }, fire('a')]);
  assert.equal(told(readJournal(file)), 'a@1 | a=unknown');
});

test('readJournal() of an empty journal knows nothing', () => {
  const file = newFile();
  write(file, []);
  const contents = readJournal(file);
  assert.equal(told(contents), ' | ');
  assert.deepEqual([contents.pid, contents.started], [undefined, undefined]);
});

test('readJournal() takes a last line that was cut short for one that never was, wherever', () => {
  const file = newFile();
  write(file, [RUNNER, fire('a'), { end: 'a', exit: OK, bytes: 3 }]);
  const { length } = readFileSync(file);
  const before = [RUNNER, fire('a')].map((line) => `${JSON.stringify(line)}\n`).join('').length;
  for (let size = length - 1; size >= before; size--) {
    truncateSync(file, size);
    assert.equal(told(readJournal(file)), 'a@1 | a=unknown', `${size} bytes`);
  }
});

const spoiled: Record<string, string> = {
  'a block of zeroes': `${'\0'.repeat(4096)}\n`,
  'half a line': '{"fire":{"key":"x"\n',
  'an empty line': '\n\n',
  'what is no object': 'null\n17\n"x"\n[]\ntrue\n',
  'objects of no kind': '{}\n{"other":1}\n',
};
for (const [what, text] of Object.entries(spoiled))
  test(`readJournal() reads on after ${what}`, () => {
    const file = newFile();
    write(file, [RUNNER, fire('a')]);
    appendFileSync(file, text);
    appendFileSync(file, `${JSON.stringify(fire('b'))}\n${JSON.stringify({ done: 'a' })}\n`);
    assert.match(told(readJournal(file)), /^a@1 b@1 \| b=unknown$/);
  });

test('readJournal() never throws, whatever a disk made of the file', () => {
  const file = newFile();
  const line = fc.oneof(
    fc.constantFrom(
      ...[RUNNER, fire('a'), fire('b'), { done: 'a' }].map((each) => JSON.stringify(each)),
    ),
    fc.jsonValue({ maxDepth: 0 }).map((value) => JSON.stringify(value)),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(fc.array(line), (texts) => {
      writeFileSync(file, texts.join('\n'));
      readJournal(file);
    }),
  );
});

test('readJournal() tells for which runs nothing is left to do', () => {
  const file = newFile();
  write(file, [RUNNER, fire('a'), { done: 'a' }, fire('b'), fire('c'), { handed: 'c' }]);
  const { done, open } = readJournal(file);
  assert.deepEqual([...done], ['a'], 'what was handed on may need its output still');
  assert.deepEqual(
    open.map(({ firing: { run } }) => run),
    ['b'],
  );
});

test('settle() notes runs as handed on, also after a line that was cut short', () => {
  const file = newFile();
  write(file, [RUNNER, fire('a'), fire('b')]);
  settle(file, ['a']);
  assert.equal(told(readJournal(file)), 'a@1 b@1 | b=unknown');
  appendFileSync(file, '{"end":"b","ex');
  settle(file, ['b']);
  assert.equal(told(readJournal(file)), 'a@1 b@1 | ');
});

test('createJournal() closes though the disk does not sync', (t) => {
  const file = newFile();
  const journal = createJournal(file, (trouble) => assert.fail(trouble));
  assert.ok(journal.write([{ done: 'x' }]));
  instead(t, 'fdatasyncSync', () => () => {
    throw errorOf('EIO');
  });
  journal.close();
  assert.equal(readFileSync(file, 'utf8'), '{"done":"x"}\n');
});

test('createJournal() is for root alone, and never takes over a file', () => {
  const file = newFile();
  write(file, [RUNNER]);
  assert.equal(statSync(file).mode & 0o7777, 0o600);
  assert.throws(() => createJournal(file, () => {}), { code: 'EEXIST' });
});

test('isAbandoned() is no as long as the runner lives', () => {
  const file = newFile();
  const journal = createJournal(file, () => {});
  assert.equal(isAbandoned(file), false);
  assert.equal(isAbandoned(file), false, 'asking changes nothing');
  journal.close();
  assert.equal(isAbandoned(file), true);
  assert.equal(isAbandoned(file), true, 'the lock is not kept');
});

test('isAbandoned() does not know of a journal that is gone', () => {
  assert.equal(isAbandoned(newFile()), null);
});

test('isAbandoned() is no while another process has the lock', async (t) => {
  const file = newFile();
  write(file, [RUNNER]);
  const other = spawn(
    'flock',
    ['--exclusive', '--no-fork', file, '/bin/sh', '-c', 'echo locked; exec sleep 600'],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  t.after(() => other.kill('SIGKILL'));
  let said = '';
  other.stdout.on('data', (data: Buffer) => (said += data.toString()));
  await until('it is locked', () => said === 'locked\n');
  assert.equal(isAbandoned(file), false);
});

test('a journal that cannot be written is a trouble once, and no reason to throw', () => {
  const file = newFile();
  const troubles: string[] = [];
  const journal = createJournal(file, (trouble) => troubles.push(trouble));
  journal.close(); // its descriptor is as good as a full disk
  journal.write([fire('a')]);
  journal.write([fire('b')]);
  assert.equal(troubles.length, 1);
  assert.match(troubles[0] ?? '', /^cannot write the journal ".*": /);
});

test('a lock can be had once', () => {
  const file = newFile();
  const [one, other] = [openSync(file, 'a'), openSync(file, 'r')];
  assert.equal(lock(one), true);
  assert.equal(lock(one), true, 'by the same one again');
  assert.equal(lock(other), false);
  closeSync(one);
  assert.equal(lock(other), true);
  closeSync(other);
});

test('createJournal() writes a large environment once, and readJournal() gives it back to each firing', () => {
  const file = newFile();
  const environment = [['LARGE', 'x'.repeat(50_000)]] as const;
  const fires = ['a', 'b', 'c'].map((run) => ({ fire: firing(run, { environment }), at: 1 }));
  write(file, [RUNNER, ...fires, { fire: firing('d'), at: 1 }]);
  assert.ok(statSync(file).size < 60_000, `${statSync(file).size}`);
  const { open } = readJournal(file);
  assert.deepEqual(
    open.map(({ firing: { run, environment: read } }) => [run, read]),
    [...['a', 'b', 'c'].map((run) => [run, environment]), ['d', firing('d').environment]],
  );
});

// A limit of a file's size stands in for a full disk.
test('createJournal() remembers what the disk does not take, and writes it when it does', async (t) => {
  const file = newFile();
  const script = `
    import { createJournal, readJournal } from ${JSON.stringify(new URL('../../src/run/journal.js', import.meta.url).href)};
    const troubles = [];
    process.on('SIGXFSZ', () => {});
    const journal = createJournal(${JSON.stringify(file)}, (trouble) => troubles.push(trouble));
    const fire = (run) => journal.write([{ fire: { ...${JSON.stringify(firing('x'))}, run, key: run }, at: 1 }]);
    let count = 0;
    while (fire('run-' + count)) count++;
    const late = [fire('late-1'), fire('late-2')];
    const before = readJournal(${JSON.stringify(file)}).keys.length;
    console.log(JSON.stringify({ count, before, late, troubles }));
    process.stdin.once('data', () => {
      const isWhole = fire('last');
      journal.close();
      console.log(JSON.stringify({ isWhole }));
      process.exit();
    });`;
  // Only the soft limit: it is raised again below.
  const child = spawn(
    'sh',
    ['-c', 'ulimit -S -f 64; exec "$0" --input-type=module -e "$1"', process.execPath, script],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', (data) => (said += String(data)));
  await until('it is full', () => said.includes('\n') || child.exitCode !== null);
  const { count: whole, before, late, troubles } = JSON.parse(said.split('\n')[0] ?? '');
  assert.deepEqual(late, [false, false]);
  assert.equal(before, whole);
  assert.match(troubles.join('\n'), /^cannot write the journal ".*": .*file too large/);
  spawnSync('prlimit', ['--fsize=unlimited', '--pid', `${child.pid}`]);
  child.stdin.end('go\n');
  await until('it is written', () => said.includes('isWhole'));
  assert.match(said, /\{"isWhole":true\}/);
  const { keys } = readJournal(file);
  assert.equal(keys.length, whole + 4);
  assert.deepEqual(keys.slice(-3), ['late-1', 'late-2', 'last']);
  assert.ok(
    statSync(file).blocks * 512 < statSync(file).size + 8192,
    'nothing is reserved any more',
  );
});
