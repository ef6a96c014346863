/** Jobs, mails and their history: who runs them, who tries again, who remembers. */
import { join } from 'node:path';
import { runsIn } from '../mail/outbox.ts';
import type { Firing } from '../run/protocol.ts';
import type { Recorder } from '../run/recorder.ts';
import { openRunners, type Runners } from '../run/runners.ts';
import { openShelf } from '../run/shelf.ts';
import { Ended } from './ended.ts';
import { History } from './history.ts';
import { instructions, startRunner } from './instructions.ts';
import { openOwnRecorder } from './leftout.ts';
import { makeRounds, type Outbound } from './rounds.ts';
import { pretend } from './starts.ts';
import { keepStrays } from './strays.ts';
import type { Surroundings } from './surroundings.ts';

/** The parts of a scheduler that work. */
export interface Works {
  readonly runners: Runners;
  readonly history: History;
  /** For what the scheduler itself has to record. */
  readonly recorder: Recorder;
  /** Null where nothing is to start. */
  readonly outbound: Outbound | null;
  /** Jobs that ended a short while ago. */
  readonly ended: Ended;
  /** Start what is due, or log it only. */
  readonly start: (firings: readonly Firing[]) => Promise<void>;
  /** Called when a job has begun or ended. */
  onChange: () => void;
}

/** Take over the runners that live, start one, and begin the rounds of the outbox. */
export async function openWorks(around: Surroundings): Promise<Works> {
  const { settings, clock, users, log, choice, forked, signal } = around;
  const { state, run } = settings.config.paths;
  const history = new History(settings.config, log);
  const recorder = openOwnRecorder(settings.config, () => history.look(), log);
  const outbound = settings.startNothing
    ? null
    : makeRounds(settings.config, users, log, (name, mail) => recorder.later(name, mail));
  const ended = new Ended();
  const listener = { onChange: (): void => {} };
  const runners = await openRunners({
    journals: join(state, 'journal'),
    sockets: run,
    outputs: join(state, 'output'),
    onPosted: () => void outbound?.rounds.look(), // never throws
    onWritten: () => history.look(),
    mailed: () => runsIn(join(state, 'outbox')),
    fork: (id) => startRunner(instructions(id, settings, choice), forked),
    witness: {
      started: () => listener.onChange(),
      ended(job, how) {
        ended.add(job, how, clock.now());
        listener.onChange();
      },
    },
    log,
    signal,
  });
  if (!settings.startNothing) {
    const keep = openShelf(instructions('', settings, choice).long);
    keepStrays(runners.strays(), join(state, 'output'), keep, log);
  }
  void outbound?.rounds.open(); // after the runners: what is in the outbox is not reported as lost; never throws
  const start = async (firings: readonly Firing[]): Promise<void> =>
    settings.startNothing ? pretend(firings, log) : runners.start(firings);
  return Object.assign(listener, { runners, history, recorder, outbound, ended, start });
}
