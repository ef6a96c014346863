/** Runs that are over → lines of a file that the scheduler reads: what became of them, and what they printed. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { toText } from '../system/bytes.ts';
import { reason } from '../system/failure.ts';
import { type Exit, isTold, type Usage } from '../system/program.ts';
import type { LaterMail, MailFate, Outcome, RunRecord } from '../system/record.ts';
import { type Appender, createAppender } from './append.ts';
import { excerptOf } from './excerpt.ts';
import { leftOut } from './gap.ts';
import type { Body } from './output.ts';
import type { Firing } from './protocol.ts';

/** What a run printed, as far as it is kept: compressed as zlib does, if that makes it smaller. */
export interface OutputLine {
  /** Of the run whose record follows. */
  readonly output: string;
  /** Bytes before it was compressed; as many as there are: it is not. */
  readonly size: number;
  readonly base64: string;
}

/** What became of a run's mail later. */
export interface LaterLine extends LaterMail {
  readonly mailOf: string;
}

/** How a run ended. */
export interface RunEnd {
  readonly outcome: Outcome;
  readonly exit: Exit | null;
  readonly timedOut?: boolean;
  readonly started: number | null;
  readonly ended: number | null;
  /** Bytes that it printed. */
  readonly bytes: number;
  readonly usage?: Usage | undefined;
  /** Who has its mail, where `mailed` was not told. */
  readonly mail?: MailFate;
}

/** Where records go. */
export interface Recorder {
  /** A mail of this run is with them. */
  mailed(run: string, fate: MailFate): void;
  /**
   * Make ready what a run has printed, and return what writes all of it down: at once, so that no death comes between
   * this and what the journal says of it. Neither throws.
   */
  prepare(firing: Firing, body: Body | null): Promise<(ending: RunEnd) => void>;
  /** A mail of a run that is over has left the outbox, or is in it again. Never throws. */
  later(run: string, mail: LaterMail): void;
  /** Write what a full disk has not taken so far; whether all is written now. */
  flush(): boolean;
  close(): void;
}

/** What a recorder is made with. */
export interface RecorderSetup {
  /** Files are named so, with a number: FILE.1.records. */
  readonly file: string;
  /** Bytes of a run's output that are kept: of a longer one head and tail. */
  readonly output: number;
  readonly onTrouble: (problem: string) => void;
  /** Tell the scheduler that there is a record more. */
  readonly onWritten: () => void;
}

/** A file of this size is left to be folded into the history, and another one is begun. */
const FILE_LIMIT = 1024 * 1024;
/** Bytes of a command that are recorded. */
const COMMAND = 2000;
/** Less is not worth to be compressed. */
const SHORT = 128;

const compress = promisify(deflate);

/** Begin to record; a file is made with the first record. */
export function openRecorder({ file, output, onTrouble, onWritten }: RecorderSetup): Recorder {
  const fates = new Map<string, MailFate>();
  let appender: Appender | null = null;
  let number = 0;
  let isTrouble = false;
  const open = (): Appender => {
    if (appender !== null && (appender.size < FILE_LIMIT || !appender.flush())) return appender;
    appender?.close();
    appender = null;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const name = `${file}.${++number}.records`;
    appender = createAppender(name, (why) =>
      onTrouble(`cannot write the record "${name}": ${why}`),
    );
    return appender;
  };
  const outputLine = async (run: string, body: Body | null): Promise<string> => {
    if (body === null || body.size === 0 || output === 0) return '';
    const whole = await kept(body, output);
    const small = whole.length < SHORT ? whole : await compress(whole);
    const bytes = small.length < whole.length ? small : whole;
    const line: OutputLine = { output: run, size: whole.length, base64: bytes.toString('base64') };
    return `${JSON.stringify(line)}\n`;
  };
  const write = (lines: string): void => {
    try {
      open().write(lines);
      isTrouble = false;
      onWritten();
    } catch (error) {
      // No reason not to end a job.
      if (!isTrouble) onTrouble(`runs are not recorded: ${reason(error)}`);
      isTrouble = true;
    }
  };
  return {
    mailed: (run, fate) => void fates.set(run, fate),
    async prepare(firing, body) {
      let printed = '';
      try {
        printed = await outputLine(firing.run, body);
      } catch (error) {
        onTrouble(`cannot record the output of ${firing.run}: ${reason(error)}`);
      }
      return (ending) => {
        const mail = ending.mail ?? fates.get(firing.run) ?? 'none';
        fates.delete(firing.run);
        write(`${printed}${JSON.stringify(recordOf(firing, ending, mail))}\n`);
      };
    },
    later(run, mail) {
      const line: LaterLine = { mailOf: run, ...mail };
      write(`${JSON.stringify(line)}\n`);
    },
    flush: () => appender?.flush() ?? true,
    close: () => appender?.close(),
  };
}

function recordOf(firing: Firing, ending: RunEnd, mail: MailFate): RunRecord {
  const { run, key, identity, user, origin } = firing;
  return {
    run,
    key,
    identity,
    crontab: origin?.crontab ?? null,
    line: origin?.line ?? null,
    entry: origin?.text ?? null,
    user,
    command: toText(firing.command.slice(0, COMMAND)),
    scheduled: firing.scheduled ?? null,
    byHand: firing.byHand ?? null,
    started: ending.started,
    ended: ending.ended,
    outcome: ending.outcome,
    code: ending.exit?.code ?? null,
    signal: ending.exit?.signal ?? null,
    timedOut: ending.timedOut ?? false,
    bytes: ending.bytes,
    mail,
    cpu: ending.usage === undefined ? null : Math.round(ending.usage.cpu),
    memory: ending.usage?.memory ?? null,
  };
}

/** Say how a process ended. */
export function outcomeOf(exit: Exit | null, timedOut = false): Outcome {
  if (exit === null) return 'not-started';
  if (!isTold(exit) && !timedOut) return 'unknown';
  return exit.code === 0 && !timedOut ? 'succeeded' : 'failed';
}

/** Head and tail of an output, with a line between them that says how much is missing. */
async function kept(body: Body, room: number): Promise<Buffer> {
  const { head, tail, isInLine } = await excerptOf(body, room);
  if (head === tail) return bytesOf(body.chunks());
  const mark = Buffer.from(`${isInLine ? '\n' : ''}${leftOut(tail - head)}`);
  return Buffer.concat([
    await bytesOf(body.chunks(0, head)),
    mark,
    await bytesOf(body.chunks(tail)),
  ]);
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of chunks) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}
