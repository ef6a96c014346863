/** What a job prints: nothing of it is lost, and nothing of it is left behind. */
import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { closeGap } from '../../src/run/gap.ts';
import { Output } from '../../src/run/output.ts';
import { pipe } from '../../src/system/libc/descriptors.ts';
import { errorOf, instead } from '../support/builtins.ts';
import { until } from '../support/wait.ts';

const KIB = 1024;
const folder = mkdtempSync(join(tmpdir(), 'output-'));
after(() => rmSync(folder, { recursive: true }));

let count = 0;
function open(directory = folder): { output: Output; file: string; troubles: string[] } {
  const file = join(directory, `run-${++count}`);
  const troubles: string[] = [];
  return { output: new Output(file, (trouble) => troubles.push(trouble)), file, troubles };
}

async function whole(output: Output): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of output.chunks()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** Bytes that tell a piece that is missing, doubled or in the wrong place. */
function bytes(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff));
}

test('Output keeps a short output in memory, all bytes of it', async () => {
  const { output, file, troubles } = open();
  const all = bytes(64 * KIB);
  for (let at = 0; at < all.length; at += 1000) output.add(all.subarray(at, at + 1000));
  assert.equal(output.size, all.length);
  assert.deepEqual(await whole(output), all);
  assert.deepEqual(await whole(output), all, 'as often as it is asked for');
  assert.ok(!existsSync(file));
  output.discard();
  assert.deepEqual(troubles, []);
});

test('Output goes to a file of its own beyond 64 KiB', async () => {
  const { output, file } = open();
  const all = bytes(300 * KIB);
  output.add(all.subarray(0, 64 * KIB));
  assert.ok(!existsSync(file));
  output.add(all.subarray(64 * KIB, 64 * KIB + 1));
  assert.equal(statSync(file).mode & 0o7777, 0o600);
  assert.deepEqual(readFileSync(file), all.subarray(0, 64 * KIB + 1), 'at once');
  output.add(all.subarray(64 * KIB + 1));
  assert.equal(output.size, all.length);
  assert.deepEqual(await whole(output), all);
  assert.deepEqual(await whole(output), all);
  output.discard();
  assert.ok(!existsSync(file));
});

test('Output takes from a pipe what there is, once it has a file, and leaves out the middle', async () => {
  const { read, write } = pipe(1024 * KIB);
  const all = bytes(900 * KIB);
  const file = join(folder, `run-${++count}`);
  const output = new Output(file, assert.fail, 400 * KIB);
  let at = 0;
  const print = (length: number): void => void writeSync(write, all, at, length);
  print(10 * KIB);
  output.pour(read);
  assert.equal(output.size, 0, 'what is in memory is read');
  output.add(all.subarray(0, 100 * KIB));
  at = 100 * KIB;
  readSync(read, Buffer.alloc(10 * KIB));
  print(500 * KIB);
  output.pour(read);
  output.pour(read); // an empty pipe has nothing, and holds nobody up
  assert.equal(output.size, 600 * KIB);
  assert.ok(output.isGapped);
  at = 600 * KIB;
  output.add(all.subarray(at, at + 7));
  at += 7;
  print(300 * KIB - 7);
  output.pour(read);
  await output.end();
  const kept = await whole(output);
  const gap = /cron: (\d+) bytes are left out here\n/.exec(kept.toString('latin1'));
  assert.ok(gap?.[1] !== undefined);
  const start = gap.index;
  const tail = kept.subarray(start + gap[0].length);
  assert.deepEqual(kept.subarray(0, start), all.subarray(0, start));
  assert.deepEqual(tail, all.subarray(all.length - tail.length));
  assert.equal(start + Number(gap[1]) + tail.length, all.length);
  assert.ok(kept.length <= 400 * KIB + 256 * KIB && statSync(file).blocks * 512 < 700 * KIB);
  output.discard();
  [read, write].forEach(closeSync);
});

test('Output gives back on a full disk what it has not yet, and goes on', async (t) => {
  const limit = 17 * KIB * KIB;
  const troubles: string[] = [];
  const file = join(folder, `run-${++count}`);
  const output = new Output(file, (trouble) => troubles.push(trouble), limit);
  const room = limit + 512 * KIB;
  instead(
    t,
    'writeSync',
    (real) => (fd: number, data: Buffer, from: number, length: number, at: number) => {
      if (fstatSync(fd).blocks * 512 + length > room) throw errorOf('ENOSPC');
      return real(fd, data, from, length, at);
    },
  );
  const piece = bytes(128 * KIB);
  for (let times = 0; times < 512; times++) {
    piece.writeUInt32BE(times);
    output.add(piece);
  }
  assert.deepEqual([output.missing, troubles], [0, []]);
  assert.ok(output.isGapped);
  const last = Buffer.alloc(4);
  const fd = openSync(file, 'r');
  readSync(fd, last, 0, 4, output.size - piece.length);
  assert.equal(last.readUInt32BE(), 511);
  closeSync(fd);
  output.discard();
});

test('Output is gapped as soon as its end will move', () => {
  const file = join(folder, `run-${++count}`);
  const output = new Output(file, assert.fail, 16 * KIB * KIB);
  const piece = bytes(128 * KIB);
  for (let times = 0; times < 129; times++) output.add(piece);
  assert.ok(output.isGapped);
  output.discard();
});

test('Output goes to a file after a second, and from then on at once', async () => {
  const { output, file } = open();
  const begun = performance.now();
  output.add(Buffer.from('one\n'));
  await until('the file is there', () => existsSync(file));
  assert.ok(performance.now() - begun > 900);
  output.add(Buffer.from('two\n'));
  assert.equal(readFileSync(file, 'latin1'), 'one\ntwo\n');
  assert.equal((await whole(output)).toString(), 'one\ntwo\n');
  output.discard();
  assert.ok(!existsSync(file));
});

test('Output copies what it is given', async () => {
  const { output } = open();
  const shared = Buffer.from('first');
  output.add(shared);
  shared.fill('x');
  assert.equal((await whole(output)).toString(), 'first');
  output.discard();
});

test('Output that nothing came for has no file', async () => {
  const { output, file } = open();
  assert.equal(output.size, 0);
  assert.equal((await whole(output)).length, 0);
  output.discard();
  assert.ok(!existsSync(file));
});

test('Output does not write to a file that is there already, whoever made it', async () => {
  const first = open();
  first.output.add(bytes(65 * KIB));
  const troubles: string[] = [];
  const second = new Output(first.file, (trouble) => troubles.push(trouble));
  second.add(bytes(65 * KIB));
  assert.deepEqual(troubles, [`cannot keep output in "${first.file}": file exists`]);
  assert.equal(statSync(first.file).size, 65 * KIB);
  second.discard();
  first.output.discard();
});

test('Output without a place for its file keeps what it has, and counts what it cannot', async () => {
  const { output, troubles } = open(join(folder, 'missing'));
  output.add(bytes(60 * KIB));
  output.add(bytes(10 * KIB));
  output.add(bytes(5 * KIB));
  assert.equal(output.size, 60 * KIB);
  assert.equal(
    output.complaint,
    `cron: ${15 * KIB} bytes of this output could not be kept: no such file or directory\n`,
  );
  assert.deepEqual(await whole(output), bytes(60 * KIB));
  assert.equal(troubles.length, 1, 'said once');
  assert.match(troubles[0] ?? '', /^cannot keep output in ".*": no such file or directory$/);
  output.discard();
});

/** Numbered lines, so that each place can be told. */
const lines = (length: number): Buffer =>
  Buffer.from(
    Array.from({ length: Math.ceil(length / 16) }, (_, line) => `${line}`.padStart(15)).join('\n') +
      '\n',
  ).subarray(0, length);

const LIMIT = 1_000_000;

async function long(length: number): Promise<{ output: Output; file: string; all: Buffer }> {
  const file = join(folder, `long-${++count}`);
  const output = new Output(file, assert.fail, LIMIT);
  const all = lines(length);
  for (let at = 0; at < length; at += 30_000) {
    output.add(all.subarray(at, at + 30_000));
    if (existsSync(file)) assert.ok(statSync(file).blocks * 512 < LIMIT + 256 * KIB);
  }
  return { output, file, all };
}

/** See that it is head, the line that tells of the gap, and tail, all lines whole; returns what is missing. */
function isCut(text: string, all: string): number {
  const [head = '', tail = ''] = text.split(/cron: \d+ bytes are left out here\n/);
  const missing = Number(/cron: (\d+) bytes/.exec(text)?.[1]);
  assert.ok(all.startsWith(head) && head.endsWith('\n') && all.endsWith(tail));
  assert.equal(all.slice(0, -tail.length).at(-1), '\n');
  assert.equal(head.length + missing + tail.length, all.length);
  assert.ok(Math.min(head.length, tail.length) > LIMIT / 2 - 300 * KIB);
  return missing;
}

for (const length of [1_300_000, 2_000_000, 20_000_000])
  test(`Output of ${length} bytes keeps head and tail within its limit, in whole lines`, async () => {
    const { output, file, all } = await long(length);
    await output.end();
    await output.end();
    const text = (await whole(output)).toString();
    const missing = isCut(text, all.toString());
    assert.equal(
      output.complaint,
      `cron: of the ${length} bytes of this output ${missing} in the middle are left out, for only ${LIMIT} are kept ([jobs] max_output)\n`,
    );
    assert.equal(output.size, text.length);
    assert.deepEqual(await whole(output), readFileSync(file));
    output.discard();
    assert.ok(!existsSync(file));
  });

test('Output just up to its limit is whole', async () => {
  const { output, all } = await long(LIMIT);
  await output.end();
  assert.deepEqual(await whole(output), all);
  assert.equal(output.complaint, '');
  output.discard();
});

test('closeGap() does for the next runner what the dead one could not', async () => {
  const { output, file, all } = await long(5_000_000);
  output.leave();
  const fd = openSync(file, 'r+');
  const missing = await closeGap(fd);
  assert.equal(isCut(readFileSync(file, 'utf8'), all.toString()), missing);
  assert.equal(await closeGap(fd), 0, 'once');
  closeSync(fd);
  rmSync(file);
});

test('Output gives what is asked for of it', async () => {
  const { output, all } = await long(300_000);
  const part = async (from: number, to?: number): Promise<Buffer> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of output.chunks(from, to)) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  };
  assert.deepEqual(await part(0, 10), all.subarray(0, 10));
  assert.deepEqual(await part(99_999, 200_001), all.subarray(99_999, 200_001));
  assert.deepEqual(await part(299_999), all.subarray(299_999));
  assert.deepEqual(await part(300_000), Buffer.alloc(0));
  output.discard();
});

test('Output that its disk does not take stays in memory, until it does', async () => {
  const missing = join(folder, 'later');
  const { output, file, troubles } = open(missing);
  output.add(Buffer.from('one\n'));
  assert.ok(!output.secure());
  output.add(Buffer.from('two\n'));
  assert.ok(!output.leave());
  assert.equal((await whole(output)).toString(), 'one\ntwo\n');
  mkdirSync(missing);
  await until('it is in its file', () => existsSync(file));
  assert.equal(readFileSync(file, 'latin1'), 'one\ntwo\n');
  output.add(Buffer.from('three\n'));
  assert.equal((await whole(output)).toString(), 'one\ntwo\nthree\n');
  assert.equal(output.complaint, '');
  assert.equal(troubles.length, 1);
  assert.ok(output.leave());
  rmSync(missing, { recursive: true });
});

for (const [length, where] of [
  [4096, 'memory'],
  [4097, 'its file'],
] as const)
  test(`Output of ${length} bytes is read from ${where} when it is secure, and is whole when more comes`, async () => {
    const { output, file } = open();
    const all = bytes(length);
    output.add(all);
    assert.ok(output.secure());
    const other = Buffer.alloc(length, 'x');
    writeFileSync(file, other); // by nobody but a test
    assert.deepEqual(await whole(output), where === 'memory' ? all : other);
    output.add(Buffer.from('more'));
    assert.deepEqual(await whole(output), Buffer.concat([other, Buffer.from('more')]));
    output.discard();
  });

test('Output leaves no file and no timer behind', () => {
  assert.deepEqual(readdirSync(folder), []);
});
