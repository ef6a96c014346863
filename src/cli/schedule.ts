/** The scheduler: its parts opened one after the other, the loop run until a signal, the parts closed again. */
import { closeSync, existsSync, openSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { SOCKET_NAME } from '../control/protocol.ts';
import { type ControlServer, openServer } from '../control/server.ts';
import type { Gap } from '../core/missed.ts';
import { daemon, type Due } from '../daemon.ts';
import { countMails } from '../mail/listing.ts';
import { runsIn } from '../mail/outbox.ts';
import type { Firing } from '../run/protocol.ts';
import type { Recorder } from '../run/recorder.ts';
import { openRunners, type Runners } from '../run/runners.ts';
import { openShelf } from '../run/shelf.ts';
import { removeDrafts } from '../spool/drafts.ts';
import type { Tab } from '../spool/tab.ts';
import { watch } from '../spool/watch.ts';
import { type Clock, systemClock } from '../system/clock.ts';
import { reason } from '../system/failure.ts';
import { dup2 } from '../system/libc/descriptors.ts';
import { type Manager, openManager } from '../system/notify.ts';
import type { Log, SinkChoice } from '../system/sink.ts';
import { testClock } from '../system/testclock.ts';
import { systemUsers, type Users } from '../system/users.ts';
import { onUsr1 } from './agenda.ts';
import { Ahead } from './ahead.ts';
import { controlDesk, type ControlTools } from './control.ts';
import { type LoadedCrontabs, openCrontabs, ownName } from './crontabs.ts';
import { Doing } from './doing.ts';
import { Ended } from './ended.ts';
import { Expectations } from './expect.ts';
import { tellParent } from './fork.ts';
import { History } from './history.ts';
import { openAlarm } from './hooks.ts';
import { instructions, startRunner } from './instructions.ts';
import { Metrics, type Present } from './meters.ts';
import { Notices } from './notices.ts';
import { LeftOut, openOwnRecorder } from './leftout.ts';
import { openProgress } from './progress.ts';
import { firstStart } from './reboot.ts';
import { makeRounds, type Outbound } from './rounds.ts';
import type { Settings } from './serve.ts';
import { Soonest } from './soonest.ts';
import { firingsOf, pretend, rebootFirings } from './starts.ts';
import { stopJobs } from './stopping.ts';
import { keepStrays } from './strays.ts';

/** What it takes at most to have a job's process ready, and one in a PAM session, in milliseconds. */
const [PROCESS, SESSION] = [5, 100];

/** The manager's watchdog is fed once a minute. */
const MINUTE = 60_000;

/** What every part of the scheduler needs. */
interface Surroundings {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly users: Users;
  readonly log: Log;
  /** How runners log. */
  readonly choice: SinkChoice;
  /** Started by a cron that leaves the terminal. */
  readonly forked: boolean;
  /** Aborts when the scheduler is to end. */
  readonly signal: AbortSignal;
}

/** Jobs and mails: who runs them, and who tries again. */
interface Works {
  readonly runners: Runners;
  readonly history: History;
  /** For what the scheduler itself has to record. */
  readonly recorder: Recorder;
  /** Null where nothing is to start. */
  readonly outbound: Outbound | null;
  /** Start what is due, or log it only. */
  readonly start: (firings: readonly Firing[]) => Promise<void>;
}

/** Schedule until a signal ends it; all that is opened here is closed in order. */
export async function schedule(
  settings: Settings,
  choice: SinkChoice,
  log: Log,
  forked: boolean,
): Promise<void> {
  const { paths } = settings.config;
  const first = firstStart(paths.reboot, settings.boot);
  const end = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => end.abort());
  const { signal } = end;
  const [clock, users] = [clockOf(settings), systemUsers()];
  const manager = openManager(process.env, MINUTE, log);
  const around = { settings, clock, users, log, choice, forked, signal };

  const crontabs = await loadCrontabs(around);
  const ended = new Ended();
  let doing: Doing | null = null;
  const works = await openWorks(around, ended, () => doing?.changed());
  const { runners, history, recorder, outbound, start } = works;
  const expectations = new Expectations(join(paths.state, 'expected'), log);
  const alarm = openAlarm(settings.config, users, log);
  const metrics = new Metrics(settings.config.metrics, clock.now());
  const present = presentOf(crontabs, runners, paths.state);
  history.onRun((record) => {
    expectations.ran(record);
    metrics.ran(record);
    alarm.ran(record);
  });
  if (!settings.startNothing) tellOwners(crontabs, paths.state, runners, log);
  const soonest = new Soonest(crontabs, clock, hostname());
  const server = await openControl(around, crontabs, {
    runners,
    history,
    outbound,
    ended,
    metrics,
    present,
    soonest,
  });
  log('CRON', 'STARTUP', forked ? 'fork ok' : 'foreground');
  doing = new Doing({ manager, crontabs, runners, soonest, clock });
  doing.ready();
  onHangup(crontabs, manager, doing);
  onUsr1(crontabs, clock, log);
  if (forked) await leaveTerminal();
  if (first === null) {
    log('CRON', 'INFO', 'Skipping @reboot jobs -- not system startup');
  } else {
    log('CRON', 'INFO', 'Running @reboot jobs');
    await start(rebootFirings(crontabs.tabs, first.boot));
    if (!signal.aborted && !settings.startNothing) first.done();
  }

  const lookForOverdue = (): void => {
    for (const overdue of expectations.look(crontabs.tabs, clock.now())) {
      void runners.start([overdue.firing]); // nobody waits for it; never throws
      alarm.overdue(overdue);
    }
  };
  // What ended while no cron was here is told of a little later: until then nobody is overdue.
  if (!settings.startNothing) expectations.note(crontabs.tabs, clock.now());

  const leavesTrace = !settings.startNothing;
  const progress = openProgress(paths.state, { clock, log, leavesTrace });
  const isRunning = (identity: string): boolean => runners.isRunning(identity);
  const { arm, session } = settings.config.jobs;
  const foresight = new Ahead(
    (firings, within) => runners.arm(firings, within),
    isRunning,
    session === 'pam' ? SESSION : PROCESS,
  );
  const left = new LeftOut(recorder, log);
  const tools = {
    clock,
    crontabs,
    start: (due: readonly Due[]) =>
      start(
        firingsOf(
          due,
          isRunning,
          (each) => left.skip(each),
          (each) => foresight.firing(each),
        ),
      ),
    ...(leavesTrace && { unseen: (gap: Gap) => left.look(crontabs.tabs, gap) }),
    ...(arm && leavesTrace && { foresight }),
    firstSeen: crontabs.firstSeen,
    remember(lasts: typeof progress.from): void {
      progress.remember(lasts);
      void outbound?.rounds.look(); // each minute, after its jobs
      doing?.alive();
      if (settings.startNothing) return;
      history.minute();
      lookForOverdue();
      if (settings.config.metrics.textfile !== undefined)
        void present().then((now) => metrics.write(now, log));
    },
    hostname: hostname(),
    log,
  };
  await daemon(tools, progress.from, progress.ran, signal);
  doing.close();
  manager.stopping();
  await server.close();
  await crontabs.close();
  progress.stop();
  await stopJobs(runners, outbound?.rounds ?? null, settings.config.jobs, log);
  await outbound?.close();
  await runners.close();
  await left.close();
  recorder.close();
  await history.close();
  await alarm.close();
}

/** The machine's clock, or the one of a test. */
function clockOf({ config }: Settings): Clock {
  const { clock } = config.test;
  return clock === undefined ? systemClock() : testClock(clock, systemClock());
}

/** Load what is there, and look again at whatever changes. */
async function loadCrontabs(around: Surroundings): Promise<LoadedCrontabs> {
  const { settings, users, clock, log, signal } = around;
  const { spool, system_crontab: system, cron_d: cronD } = settings.config.paths;
  const crontabs = openCrontabs(settings, { users, clock, log });
  await crontabs.refresh();
  if (!settings.startNothing) tidy(spool, log);
  const look = (): void => void crontabs.refresh(); // never throws; what it finds is logged
  process.on('SIGHUP', look);
  watch([spool, system, cronD], look, signal);
  return crontabs;
}

/** Tell the manager of the look at the crontabs that a SIGHUP asks for. */
function onHangup(crontabs: LoadedCrontabs, manager: Manager, doing: Doing): void {
  process.on('SIGHUP', () => {
    manager.reloading();
    void crontabs.refresh().then(() => doing.ready());
  });
}

/** Take over the runners that live, start one, and begin the rounds of the outbox. */
async function openWorks(around: Surroundings, ended: Ended, onChange: () => void): Promise<Works> {
  const { settings, clock, users, log, choice, forked, signal } = around;
  const { state, run } = settings.config.paths;
  const history = new History(settings.config, log);
  const recorder = openOwnRecorder(settings.config, () => history.look(), log);
  const outbound = settings.startNothing
    ? null
    : makeRounds(settings.config, users, log, (name, mail) => recorder.later(name, mail));
  const runners = await openRunners({
    journals: join(state, 'journal'),
    sockets: run,
    outputs: join(state, 'output'),
    onPosted: () => void outbound?.rounds.look(), // never throws
    onWritten: () => history.look(),
    mailed: () => runsIn(join(state, 'outbox')),
    fork: (id) => startRunner(instructions(id, settings, choice), forked),
    witness: {
      started: onChange,
      ended(job, how) {
        ended.add(job, how, clock.now());
        onChange();
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
  return { runners, history, recorder, outbound, start };
}

/** Look what there is now, for the metrics; an outbox that cannot be read is left out. */
function presentOf(
  crontabs: LoadedCrontabs,
  runners: Runners,
  state: string,
): () => Promise<Present> {
  return async () => {
    const mails = await countMails(join(state, 'outbox'), () => true).catch(() => null);
    return { tabs: crontabs.tabs, jobs: runners.jobs, runners: runners.list.length, mails };
  };
}

/** Mail the owners of crontabs with lines that cannot run, now and whenever that changes. */
function tellOwners(crontabs: LoadedCrontabs, state: string, runners: Runners, log: Log): void {
  const notices = new Notices(join(state, 'told'), log);
  const administrator = process.geteuid?.() === 0 ? 'root' : ownName();
  const tell = (tabs: readonly Tab[]): void => {
    void runners.start(notices.look(tabs, administrator)); // nobody waits for these; never throws
  };
  tell(crontabs.tabs);
  crontabs.onChange = tell;
}

function openControl(
  { settings, users, log, clock }: Surroundings,
  crontabs: LoadedCrontabs,
  parts: Pick<Works, 'runners' | 'history' | 'outbound'> &
    Pick<ControlTools, 'ended' | 'metrics' | 'present' | 'soonest'>,
): Promise<ControlServer> {
  const rounds = parts.outbound?.rounds ?? null;
  const tools = { ...parts, crontabs, rounds, users, log, started: clock.now() };
  return openServer({
    path: join(settings.config.paths.run, SOCKET_NAME),
    desk: controlDesk(settings, tools),
    complain(error, { uid, pid }) {
      const detail = `request of uid ${uid}, pid ${pid}: ${stackOf(error)}`;
      log('CRON', 'ERROR', detail, { level: 'error' });
    },
  });
}

/** Until drafts are old enough that nobody can be writing them, in milliseconds. */
const LATER = 15_000;

/** Remove the drafts of installs that died with the cron before us, now or a little later. */
function tidy(spool: string, log: Log): void {
  try {
    const isMore = existsSync(spool) && removeDrafts(spool, Date.now());
    if (isMore) setTimeout(() => tidy(spool, log), LATER).unref();
  } catch (error) {
    log('CRON', 'ERROR', `cannot tidy "${spool}": ${reason(error)}`, { level: 'error' });
  }
}

/** Tell who started us that all is well, and let go of the last descriptor that we share. */
async function leaveTerminal(): Promise<void> {
  await tellParent({ ready: true });
  const nowhere = openSync('/dev/null', 'w');
  dup2(nowhere, 2);
  closeSync(nowhere);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
