/** Settings → the daemon: everything made, wired, run, and left in order. */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  statSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { SOCKET_NAME } from '../control/protocol.ts';
import { openServer } from '../control/server.ts';
import { goOn, type Kept } from '../core/restart.ts';
import { daemon, type Due, momentAt } from '../daemon.ts';
import { runsIn } from '../mail/outbox.ts';
import { openRunners } from '../run/runners.ts';
import { removeDrafts } from '../spool/drafts.ts';
import type { Tab } from '../spool/tab.ts';
import { watch } from '../spool/watch.ts';
import { systemClock } from '../system/clock.ts';
import { type Config, logChoice } from '../system/config.ts';
import { errorCode, EXIT, Failure, reason } from '../system/failure.ts';
import { dup2 } from '../system/libc.ts';
import { openLog } from '../system/log.ts';
import { sealDescriptors } from '../system/process.ts';
import type { Log, SinkChoice } from '../system/sink.ts';
import { systemUsers } from '../system/users.ts';
import { controlDesk } from './control.ts';
import { openCrontabs, ownName } from './crontabs.ts';
import { tellParent } from './fork.ts';
import { instructions, startRunner } from './instructions.ts';
import { readKept, writeKept } from './kept.ts';
import { Notices } from './notices.ts';
import { lockPidFile, type PidFile } from './pidfile.ts';
import { firstStart } from './reboot.ts';
import { makeRounds } from './rounds.ts';
import { firingsOf, pretend, rebootFirings } from './starts.ts';

/** What the command line and the configuration say. */
export interface Settings {
  readonly config: Config;
  readonly foreground: boolean;
  /** Names in cron.d by the LSB's rules. */
  readonly lsb: boolean;
  /** The -L option. */
  readonly logBits: number;
  /** The whole host name in the Subject. */
  readonly fqdn: boolean;
  /** Log jobs, and start none. */
  readonly startNothing: boolean;
  /** Names a boot for @reboot entries, where that of the machine is not meant. */
  readonly boot?: string;
}

/**
 * Be the daemon until a signal ends it; returns the exit status.
 * @param forked started by a cron that leaves the terminal: tell it when the work begins
 * @throws {Failure} when it cannot begin
 */
export async function serve(settings: Settings, forked: boolean): Promise<number> {
  const { config } = settings;
  sealDescriptors();
  process.chdir('/');
  const choice = logChoice(config.log, settings.foreground, process.env);
  const log = openLogOrFail(choice);
  process.on('uncaughtExceptionMonitor', (error) => {
    log('CRON', 'DEATH', `internal error: ${error.stack ?? String(error)}`, { level: 'error' });
  });
  let pidFile: PidFile | undefined;
  try {
    makeDirectories(config.paths);
    pidFile = lockPidFile(config.paths.pidfile);
    await schedule(settings, choice, log, forked);
    log('CRON', 'INFO', 'Shutting down');
    return EXIT.OK;
  } catch (error) {
    // Who reads stderr is told by our caller.
    if (error instanceof Failure && choice.to !== 'stderr')
      log('CRON', 'DEATH', error.message, { level: 'error' });
    throw error;
  } finally {
    pidFile?.remove();
  }
}

async function schedule(
  settings: Settings,
  choice: SinkChoice,
  log: Log,
  forked: boolean,
): Promise<void> {
  const { paths } = settings.config;
  const first = firstStart(paths.reboot, settings.boot);
  const end = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => end.abort());

  const clock = systemClock();
  const users = systemUsers();
  const crontabs = openCrontabs(settings, { users, clock, log });
  await crontabs.refresh();
  if (!settings.startNothing) tidy(paths.spool, log);
  const reload = (): void => void crontabs.refresh(); // never throws; what it finds is logged
  process.on('SIGHUP', reload);
  watch([paths.spool, paths.system_crontab, paths.cron_d], reload, end.signal);

  const outbound = settings.startNothing ? null : makeRounds(settings.config, users, log);
  const runners = await openRunners({
    journals: join(paths.state, 'journal'),
    sockets: paths.run,
    outputs: join(paths.state, 'output'),
    onPosted: () => void outbound?.rounds.look(), // never throws
    mailed: () => runsIn(join(paths.state, 'outbox')),
    fork: (id) => startRunner(instructions(id, settings, choice), forked ? 'ignore' : 'inherit'),
    log,
    signal: end.signal,
  });
  void outbound?.rounds.open(); // after the runners: what is in the outbox is not reported as lost; never throws
  const isRunning = (identity: string): boolean => runners.isRunning(identity);
  const start = settings.startNothing
    ? async (due: readonly Due[]): Promise<void> => pretend(firingsOf(due, isRunning, log), log)
    : (due: readonly Due[]): Promise<void> => runners.start(firingsOf(due, isRunning, log));

  const notices = new Notices(join(paths.state, 'told'), log);
  const tell = (tabs: readonly Tab[]): void => {
    if (settings.startNothing) return;
    const firings = notices.look(tabs, process.geteuid?.() === 0 ? 'root' : ownName());
    void runners.start(firings); // nobody waits for these; never throws
  };
  tell(crontabs.tabs);
  crontabs.onChange = tell;

  const server = await openServer({
    path: join(paths.run, SOCKET_NAME),
    desk: controlDesk(settings, {
      crontabs,
      runners,
      rounds: outbound?.rounds ?? null,
      users,
      log,
      started: clock.now(),
    }),
    complain(error, { uid, pid }) {
      const detail = `request of uid ${uid}, pid ${pid}: ${stackOf(error)}`;
      log('CRON', 'ERROR', detail, { level: 'error' });
    },
  });
  log('CRON', 'STARTUP', forked ? 'fork ok' : 'foreground');
  if (forked) await leaveTerminal();
  if (first === null) {
    log('CRON', 'INFO', 'Skipping @reboot jobs -- not system startup');
  } else {
    log('CRON', 'INFO', 'Running @reboot jobs');
    const firings = rebootFirings(crontabs.tabs, first.boot);
    if (settings.startNothing) pretend(firings, log);
    else await runners.start(firings);
    if (!end.signal.aborted && !settings.startNothing) first.done();
  }

  const keptFile = join(paths.state, 'last-minute');
  const keep = settings.startNothing ? (): void => {} : writeKept; // what only tries leaves no trace
  const before = readKept(keptFile, log);
  const now = clock.now();
  const from = goOn(before, momentAt(clock, now), now);
  let kept: Kept = { lasts: from, ran: before?.ran ?? from, stopped: null };
  keep(keptFile, kept, log);
  const remember = (lasts: Kept['lasts']): void => {
    kept = { lasts, ran: lasts, stopped: null };
    keep(keptFile, kept, log);
    void outbound?.rounds.look(); // each minute, after its jobs
  };
  const { firstSeen } = crontabs;
  await daemon(
    { clock, crontabs, start, firstSeen, remember, hostname: hostname(), log },
    kept.lasts,
    kept.ran,
    end.signal,
  );
  await server.close();
  await crontabs.close();
  keep(keptFile, { ...kept, stopped: clock.now() }, log);
  await outbound?.close();
  await runners.close();
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

function makeDirectories({ state, run }: Config['paths']): void {
  const directories: [string, number][] = [
    [state, 0o700],
    [join(state, 'journal'), 0o700],
    [join(state, 'output'), 0o700],
    [join(state, 'outbox'), 0o700],
    [join(state, 'backup'), 0o700],
    [join(state, 'long'), 0o700],
    [run, 0o755], // everybody may reach the control socket
  ];
  for (const [directory, mode] of directories) {
    try {
      makeDirectory(directory, mode);
      accessSync(directory, constants.W_OK | constants.X_OK);
    } catch (error) {
      const advice =
        process.geteuid?.() === 0
          ? ''
          : '; as an ordinary user, give cron a configuration with [paths] of your own (--config FILE)';
      const problem = `Cannot create or write "${directory}": ${reason(error)}${advice}`;
      throw new Failure(problem, { exit: EXIT.CANNOT_CREATE, cause: error });
    }
  }
}

/** With its parents; Node's own way never ends where a file system says ENOENT below an existing one, as /proc does. */
function makeDirectory(directory: string, mode: number): void {
  try {
    mkdirSync(directory, { mode });
    chmodSync(directory, mode); // whatever the umask
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EEXIST' && statSync(directory).isDirectory()) return;
    if (code !== 'ENOENT' || existsSync(dirname(directory))) throw error;
    makeDirectory(dirname(directory), mode);
    makeDirectory(directory, mode);
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function openLogOrFail(choice: SinkChoice): Log {
  try {
    return openLog(choice, 'cron');
  } catch (error) {
    const where = typeof choice.to === 'string' ? choice.to : choice.to.file;
    const problem = `Cannot open the log "${where}": ${reason(error)}`;
    throw new Failure(problem, { exit: EXIT.CANNOT_CREATE, cause: error });
  }
}
