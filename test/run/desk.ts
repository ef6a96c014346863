/** A runner in this process, and a scheduler's desk to order from it by hand. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { everyone } from '../../src/run/account.ts';
import { createJournal, type JournalLine } from '../../src/run/journal.ts';
import { openRecorder } from '../../src/run/recorder.ts';
import { listenTo, type Order, say, type Word } from '../../src/run/protocol.ts';
import { type Runner, type RunnerTools, startRunner } from '../../src/run/runner.ts';
import type { Outgoing } from '../../src/system/outgoing.ts';
import type { RunRecord } from '../../src/system/record.ts';
import { startTime } from '../../src/system/process.ts';
import { systemUsers } from '../../src/system/users.ts';
import { until } from '../support/wait.ts';
import { decoded } from '../mail/mail.ts';
import { launcher } from './started.ts';

/** A mail that a runner handed on. */
export interface Posted {
  readonly run: string;
  readonly recipients: readonly string[];
  readonly head: string;
  /** As its reader gets it. */
  readonly body: string;
}

export interface Place {
  readonly folder: string;
  readonly posted: Posted[];
  readonly logged: string[];
  /** Whether somebody takes a mail. */
  take: (mail: Posted) => boolean;
  /** Start a runner of that name. */
  readonly run: (id: string, changed?: Partial<RunnerTools>) => Promise<Runner>;
  readonly journalFile: (id: string) => string;
  readonly journal: (id: string) => JournalLine[];
  readonly socket: (id: string) => string;
  readonly recordFile: (id: string) => string;
  /** What the runners have recorded. */
  readonly records: () => RunRecord[];
  readonly outputFile: (run: string) => string;
}

/** A folder for runners, removed after the test. */
export function place(t: TestContext): Place {
  const folder = mkdtempSync(join(tmpdir(), 'runner-'));
  const records = mkdtempSync(join(tmpdir(), 'records-'));
  chmodSync(folder, 0o755);
  const runners: Runner[] = [];
  t.after(async () => {
    for (const runner of runners) runner.drain();
    await Promise.all(runners.map(({ ended }) => ended));
    for (const each of [folder, records]) rmSync(each, { recursive: true });
  });
  const here: Place = {
    folder,
    posted: [],
    logged: [],
    take: () => true,
    journalFile: (id) => join(folder, `${id}.journal`),
    socket: (id) => join(folder, `runner-${id}.sock`),
    outputFile: (run) => join(folder, run),
    recordFile: (id) => join(records, id),
    records: () => recordsIn(records),
    journal: (id) =>
      readFileSync(here.journalFile(id), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line): JournalLine => JSON.parse(line)),
    async run(id, changed = {}) {
      const journal = createJournal(here.journalFile(id), (trouble) => here.logged.push(trouble));
      const started = startTime(process.pid) ?? 0;
      journal.write([{ runner: id, pid: process.pid, started }]);
      const runner = await startRunner({
        users: systemUsers(),
        launcher,
        account: everyone,
        hold: null,
        scope: null,
        log: (who, event, detail) => here.logged.push(`(${who}) ${event} (${detail})`),
        baseEnvironment: () => [],
        passed: [],
        outputLimit: 10_000_000,
        keepLong: (file) => file,
        outputFile: here.outputFile,
        logBits: 0,
        linger: 300,
        limits: { all: 1000, perUser: 1000 },
        journal,
        recorder: openRecorder({
          file: here.recordFile(id),
          output: 1000,
          onTrouble: (trouble) => here.logged.push(trouble),
          onWritten: () => {},
        }),
        deliver: async (mail) => {
          const whole = await posted(mail);
          here.posted.push(whole);
          return here.take(whole);
        },
        letterhead: {
          host: 'web1',
          origin: 'web1.example.org',
          charset: 'UTF-8',
          markFailed: false,
          mask: ['*PASSWORD*'],
          limit: 10_000_000,
        },
        socket: here.socket(id),
        ...changed,
      });
      runners.push(runner);
      return runner;
    },
  };
  return here;
}

/** Records of a directory of runners, in the order in which they were written. */
function recordsIn(folder: string): RunRecord[] {
  return readdirSync(folder)
    .toSorted()
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
    .filter((line) => line.startsWith('{"run":'))
    .map((line): RunRecord => JSON.parse(line));
}

async function posted(mail: Outgoing): Promise<Posted> {
  const { run, recipients, head } = mail;
  return { run, recipients, head, body: await decoded(mail) };
}

/** A connection to a runner, as raw as can be. */
export class Desk {
  readonly socket: Socket;
  readonly heard: Word[] = [];
  readonly closed: Promise<void>;

  constructor(path: string) {
    this.socket = createConnection(path);
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
    listenTo(this.socket, (message) => {
      if ('word' in message) this.heard.push(message);
    });
  }

  say(...orders: readonly Order[]): this {
    for (const order of orders) say(this.socket, order);
    return this;
  }

  /** Wait for a word, at the latest until the runner hangs up. */
  async hears<W extends Word['word']>(word: W, count = 1): Promise<Extract<Word, { word: W }>> {
    const isIt = (each: Word): each is Extract<Word, { word: W }> => each.word === word;
    return until(`the runner says ${word}`, () => this.heard.filter(isIt)[count - 1], {
      evidence: () => JSON.stringify(this.heard),
    });
  }
}

/** Connect as the scheduler. */
export async function takeOver(path: string): Promise<Desk> {
  const desk = new Desk(path).say({ order: 'take' });
  await desk.hears('taken');
  return desk;
}
