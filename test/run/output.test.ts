/** What a job prints: nothing of it is lost, and nothing of it is left behind. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Output } from '../../src/run/output.ts';
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
  const chunks: Buffer[] = [];
  for await (const chunk of output.chunks()) chunks.push(chunk);
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
  first.output.discard();
});

test('Output without a place for its file keeps what it has, and counts what it cannot', async () => {
  const { output, troubles } = open(join(folder, 'missing'));
  output.add(bytes(60 * KIB));
  output.add(bytes(10 * KIB));
  output.add(bytes(5 * KIB));
  assert.equal(output.size, 75 * KIB);
  assert.equal(output.lost, 15 * KIB);
  assert.deepEqual(await whole(output), bytes(60 * KIB));
  assert.equal(troubles.length, 1, 'said once');
  assert.match(troubles[0] ?? '', /^cannot keep output in ".*": no such file or directory$/);
  output.discard();
});

test('Output leaves no file and no timer behind', () => {
  assert.deepEqual(readdirSync(folder), []);
});
