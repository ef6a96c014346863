/** A job that is over, or never began → its mail in other hands, its record, and its journal closed. */
import { setTimeout as pause } from 'node:timers/promises';
import { fromText } from '../system/bytes.ts';
import { reason } from '../system/failure.ts';
import type { Deliver, Outgoing } from '../system/outgoing.ts';
import type { Exit } from '../system/program.ts';
import { type Log, logAbout } from '../system/sink.ts';
import { aboutOf, isLate } from './firing.ts';
import type { Finished } from './job.ts';
import type { Journal } from './journal.ts';
import type { Output } from './output.ts';
import type { Firing } from './protocol.ts';
import { outcomeOf, type Recorder, type RunEnd } from './recorder.ts';
import { type Letterhead, report } from './report.ts';
import type { Keep } from './shelf.ts';

/** Where all goes that is to tell of a job. */
export interface FinishTools {
  readonly log: Log;
  readonly journal: Journal;
  readonly recorder: Recorder;
  readonly deliver: Deliver;
  readonly letterhead: Letterhead;
  /** For outputs that are too long for a mail. */
  readonly keepLong: Keep;
}

/** Output that is neither mailed nor on the disk is tried again after so long, in milliseconds. */
export const NOWHERE = 5000;

/** Exit of a job that never began, as the journal keeps it. */
const NEVER: Exit = { code: 127, signal: null };

/** Record the end, and mail what there is to tell. */
export async function finish(
  firing: Firing,
  finished: Finished,
  tools: FinishTools,
): Promise<void> {
  const { journal, recorder } = tools;
  const log = logAbout(tools.log, aboutOf(firing));
  const { output } = finished;
  await output.end();
  let mail: Outgoing | null;
  try {
    mail = await mailOf(firing, finished, { ...tools, log });
  } catch (error) {
    // Its file cannot be read: like a mail that nobody takes.
    log(firing.user, 'ERROR', `not mailed: ${reason(error)}`, { level: 'error', tag: 'CRON' });
    return void output.leave();
  }
  const ending = endOf(firing, finished);
  const end = { end: firing.run, exit: finished.exit ?? NEVER, bytes: ending.bytes };
  const write = await recorder.prepare(firing, output);
  if (mail === null) {
    write(ending);
    journal.write([end, { done: firing.run }]);
  } else {
    output.secure(); // whoever dies from here on, nothing of it is lost
    journal.write([end]);
    if (!(await handOver(mail, output, tools))) return;
    write(ending);
    journal.write([{ done: firing.run }]);
  }
  output.discard();
}

/** Mail what came after the mail, if anything came. */
export async function finishLate(
  late: Firing,
  finished: Finished,
  rest: Promise<Output>,
  tools: FinishTools,
): Promise<void> {
  const output = await rest;
  if (output.size > 0 || output.complaint !== '')
    return finish(late, { ...finished, output, timedOut: false, killed: [] }, tools);
  tools.journal.write([{ done: late.run }]);
  output.discard();
}

/** Record a firing that is left out. */
export async function finishLeftOut(
  firing: Firing,
  { journal, recorder }: Pick<FinishTools, 'journal' | 'recorder'>,
): Promise<void> {
  const write = await recorder.prepare(firing, null);
  const now = Date.now();
  write({ outcome: 'skipped', exit: null, started: now, ended: now, bytes: 0 });
  journal.write([{ done: firing.run }]);
}

/** Compose the mail; null: there is nothing to tell, or nobody to read it. */
async function mailOf(
  firing: Firing,
  finished: Finished,
  { log, letterhead, keepLong }: FinishTools,
): Promise<Outgoing | null> {
  const { user, exit, environment, output, timedOut, killed, at, duration } = finished;
  if (user === null) return null;
  const said = [
    timedOut ? `cron: this job was ended after ${firing.timeout} s (CRON_TIMEOUT)\n` : '',
    ...killed.map(fromText),
    output.complaint,
  ];
  const preface = said.join('');
  const keep = (name: string): string => keepLong(output.file(), name);
  const facts = { firing, user, exit, at, duration, environment, preface, body: output, keep };
  return report(facts, letterhead, log);
}

function endOf(firing: Firing, finished: Finished): RunEnd {
  const { exit, usage, output, timedOut, at, duration } = finished;
  const outcome = isLate(firing) ? 'late' : outcomeOf(exit, timedOut);
  const started = Math.round(at - (duration ?? 0));
  // With what is missing: who reports this run in our place has no other way to know of it.
  const bytes = output.size + output.missing;
  return { outcome, exit, timedOut, started, ended: at, usage, bytes };
}

/** Deliver a mail, or leave the run open for the next scheduler; whether somebody has it. */
async function handOver(
  mail: Outgoing,
  output: Output,
  { deliver, journal }: FinishTools,
): Promise<boolean> {
  while (!(await deliver(mail))) {
    // Neither mailed nor kept: left open, it is reported by the next scheduler, if the journal tells it.
    if (journal.flush() && output.leave()) return false;
    await pause(NOWHERE);
  }
  return true;
}
