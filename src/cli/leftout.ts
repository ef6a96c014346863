/** Starts that were due and are left out → records of them, for the history and the hooks. */
import { stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { HORIZON } from '../core/catchup.ts';
import { rememberTimes } from '../core/due.ts';
import { type Gap, leftOut } from '../core/missed.ts';
import type { Due } from '../daemon.ts';
import type { Firing } from '../run/protocol.ts';
import { openRecorder, type Recorder, type RunEnd } from '../run/recorder.ts';
import type { Tab } from '../spool/tab.ts';
import { toText } from '../system/bytes.ts';
import type { Config } from '../system/config.ts';
import { reason } from '../system/failure.ts';
import type { Log } from '../system/sink.ts';
import { count } from './columns.ts';
import { firingOfDue } from './starts.ts';

const MINUTE = 60_000;
/** So many starts are recorded as missed at once: a clock may jump by years, and crontabs may be long. */
const MOST = 1000;

/** Make the scheduler's own recorder; a file is begun with the first record. */
export function openOwnRecorder({ paths }: Config, onWritten: () => void, log: Log): Recorder {
  const id = `${Date.now().toString(36)}-${process.pid}-cron`;
  return openRecorder({
    file: join(paths.state, 'record', id),
    output: 0,
    onTrouble: (problem) => log('CRON', 'ERROR', problem, { level: 'error' }),
    onWritten,
  });
}

/** What the scheduler itself has to record: runs that never were. */
export class LeftOut {
  readonly #recorder: Recorder;
  readonly #host: string;
  readonly #log: Log;
  #looking: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(recorder: Recorder, log: Log, host = hostname()) {
    this.#recorder = recorder;
    this.#host = host;
    this.#log = log;
  }

  /** A job of its entry is running, and no second one may. */
  skip(firing: Firing): void {
    const { user, command } = firing;
    this.#log(user, 'INFO', `still running, not started again: ${toText(command)}`);
    const now = Date.now();
    this.#next(() => this.#record(firing, { outcome: 'skipped', started: now, ended: now }));
  }

  /** Minutes have passed unseen: find what they would have started, with pauses. Never throws. */
  look(tabs: readonly Tab[], gap: Gap): void {
    this.#next(() => this.#look(tabs, gap));
  }

  #next(work: () => Promise<void>): void {
    this.#looking = this.#looking.then(work).catch((error: unknown) => {
      const why = `cannot record what was left out: ${reason(error)}`;
      this.#log('CRON', 'ERROR', why, { level: 'error' });
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#looking;
  }

  async #look(tabs: readonly Tab[], gap: Gap): Promise<void> {
    if (gap.minutes > HORIZON) {
      // A machine without a clock of its own begins in 1970: nobody knows whether it slept.
      const what = 'cron was away for more than a month, or the clock was set: what that left out';
      return this.#log('CRON', 'MISSED', `${what} is not recorded`);
    }
    let missed = 0;
    const timeAt = rememberTimes();
    for (const tab of tabs) {
      const since = await changedAt(tab);
      for (const due of leftOut(tab, gap, since, this.#host, timeAt)) {
        if (this.#isClosed || missed >= MOST) return this.#tell(missed);
        if (due === null) await breathe();
        else await this.#miss(due);
        if (due !== null) missed++;
      }
    }
    this.#tell(missed);
  }

  /** Its name is made of entry and minute: who finds it once more after a crash has the same. */
  #miss(due: Due): Promise<void> {
    const firing = firingOfDue(due);
    const at = due.visit.utc * MINUTE;
    const run = `${at.toString(36)}-${firing.identity.slice(0, 8)}`;
    return this.#record({ ...firing, run }, { outcome: 'missed', started: at, ended: null });
  }

  async #record(
    firing: Firing,
    ending: Pick<RunEnd, 'outcome' | 'started' | 'ended'>,
  ): Promise<void> {
    const write = await this.#recorder.prepare(firing, null);
    write({ ...ending, exit: null, bytes: 0 });
  }

  #tell(missed: number): void {
    if (missed === 0) return;
    const more = missed < MOST ? '' : ' or more';
    const what = `${count(missed, 'entry', 'entries')}${more}, while cron was not running or asleep`;
    this.#log('CRON', 'MISSED', `${what}: see "cronctl history"`); // no INFO: logcheck is to tell of it
  }
}

/** The UTC minute at which its file was last changed in any way; one that is gone has missed nothing. */
async function changedAt({ path }: Tab): Promise<number> {
  try {
    return Math.floor((await stat(path)).ctimeMs / MINUTE);
  } catch {
    return Infinity;
  }
}
