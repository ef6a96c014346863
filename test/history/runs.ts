/** Runs for tests of the history. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { deflateSync } from 'node:zlib';
import type { RunRecord } from '../../src/system/record.ts';

/** A run of that name, which alice's entry of the same name started at that time. */
export function run(name: string, changed: Partial<RunRecord> = {}): RunRecord {
  return {
    run: name,
    key: `${name}@1`,
    identity: `identity of ${name}`,
    crontab: 'alice',
    line: 1,
    entry: '* * * * * true',
    user: 'alice',
    command: 'true',
    scheduled: null,
    byHand: null,
    started: Date.now(),
    ended: Date.now() + 5,
    outcome: 'succeeded',
    code: 0,
    signal: null,
    timedOut: false,
    bytes: 0,
    mail: 'none',
    cpu: null,
    memory: null,
    ...changed,
  };
}

/** A line of a file of records, with what was printed before it. */
export function lines(record: RunRecord, printed = ''): string {
  const whole = Buffer.from(printed);
  const small = deflateSync(whole);
  const bytes = small.length < whole.length ? small : whole;
  const output = { output: record.run, size: whole.length, base64: bytes.toString('base64') };
  const before = printed === '' ? '' : `${JSON.stringify(output)}\n`;
  return `${before}${JSON.stringify(record)}\n`;
}

export interface Place {
  readonly folder: string;
  readonly file: string;
  /** Write a file of records. */
  readonly records: (name: string, text: string) => void;
}

/** A state directory, removed after the test. */
export function place(t: TestContext): Place {
  const folder = mkdtempSync(join(tmpdir(), 'history-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return {
    folder,
    file: join(folder, 'history.db'),
    records: (name, text) => writeFileSync(join(folder, name), text, { flag: 'a' }),
  };
}
