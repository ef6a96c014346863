/** Settings → the daemon: everything made, wired, run, and left in order. */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { goOn, type Kept } from '../core/restart.ts';
import { daemon, type Due, momentAt } from '../daemon.ts';
import { identityOf } from '../run/firing.ts';
import { openRunners } from '../run/runners.ts';
import { openDatabase } from '../spool/database.ts';
import type { Tab } from '../spool/tab.ts';
import { watch } from '../spool/watch.ts';
import { systemClock } from '../system/clock.ts';
import { type Config, logChoice } from '../system/config.ts';
import { EXIT, Failure, reason } from '../system/failure.ts';
import { dup2 } from '../system/libc.ts';
import { openLog } from '../system/log.ts';
import { sealDescriptors } from '../system/process.ts';
import type { Log, SinkChoice } from '../system/sink.ts';
import { systemUsers } from '../system/users.ts';
import { tellParent } from './fork.ts';
import { instructions, startRunner } from './instructions.ts';
import { readKept, writeKept } from './kept.ts';
import { lockPidFile, type PidFile } from './pidfile.ts';
import { firstStart } from './reboot.ts';
import { Seen } from './seen.ts';
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
  let pidFile: PidFile | undefined;
  try {
    makeDirectories(config.paths);
    pidFile = lockPidFile(config.paths.pidfile);
    await schedule(settings, choice, log, forked);
    log('CRON', 'INFO', 'Shutting down');
    return EXIT.OK;
  } catch (error) {
    if (error instanceof Failure) log('CRON', 'DEATH', error.message, { level: 'error' });
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
  const first = firstStart(paths.reboot);
  const end = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => end.abort());

  const crontabs = openCrontabs(settings, log);
  await crontabs.refresh();
  const reload = (): void => void crontabs.refresh(); // never throws; what it finds is logged
  process.on('SIGHUP', reload);
  watch([paths.spool, paths.system_crontab, paths.cron_d], reload, end.signal);

  const runners = await openRunners({
    journals: join(paths.state, 'journal'),
    sockets: paths.run,
    fork: (id) => startRunner(instructions(id, settings, choice)),
    log,
  });
  const isRunning = (identity: string): boolean => runners.isRunning(identity);
  const start = settings.startNothing
    ? async (due: readonly Due[]): Promise<void> => pretend(due, log)
    : (due: readonly Due[]): Promise<void> => runners.start(firingsOf(due, isRunning, log));

  log('CRON', 'STARTUP', forked ? 'fork ok' : 'foreground');
  if (forked) await leaveTerminal();
  if (first === null) {
    log('CRON', 'INFO', 'Skipping @reboot jobs -- not system startup');
  } else {
    log('CRON', 'INFO', 'Running @reboot jobs');
    await runners.start(rebootFirings(crontabs.tabs, first.boot));
    first.done();
  }

  const keptFile = join(paths.state, 'last-minute');
  const before = readKept(keptFile, log);
  const now = systemClock.now();
  const from = goOn(before, momentAt(systemClock, now), now);
  let kept: Kept = { lasts: from, ran: before?.ran ?? from, stopped: null };
  writeKept(keptFile, kept, log);
  const remember = (lasts: Kept['lasts']): void => {
    kept = { lasts, ran: lasts, stopped: null };
    writeKept(keptFile, kept, log);
  };
  const { firstSeen } = crontabs;
  await daemon(
    { clock: systemClock, crontabs, start, firstSeen, remember, hostname: hostname(), log },
    kept.lasts,
    kept.ran,
    end.signal,
  );
  writeKept(keptFile, { ...kept, stopped: systemClock.now() }, log);
  runners.close();
}

/** The database, and with it the record of when entries that catch up were first seen. */
function openCrontabs(
  settings: Settings,
  log: Log,
): {
  readonly tabs: readonly Tab[];
  refresh(): Promise<void>;
  readonly firstSeen: (tab: Tab, entry: Due['entry']) => number;
} {
  const { paths } = settings.config;
  const database = openDatabase(paths, {
    users: systemUsers(),
    log,
    uid: process.geteuid?.() ?? 0,
    user: userInfo().username,
    hostname: hostname(),
    lsb: settings.lsb,
  });
  const seen = new Seen(join(paths.state, 'first-seen'), log);
  let looked: readonly Tab[] = [];
  return {
    get tabs() {
      return database.tabs;
    },
    async refresh() {
      await database.refresh();
      const { tabs } = database;
      if (tabs.length === looked.length && tabs.every((tab, at) => tab === looked[at])) return;
      seen.look(tabs, Math.floor(systemClock.now() / 60_000));
      looked = tabs;
    },
    firstSeen: (tab, entry) => seen.first(identityOf(tab.label, entry)),
  };
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
    [run, 0o755],
  ];
  for (const [directory, mode] of directories) {
    try {
      mkdirSync(directory, { recursive: true, mode });
    } catch (error) {
      const advice =
        process.geteuid?.() === 0
          ? ''
          : '; as an ordinary user, give cron a configuration with [paths] of your own (--config FILE)';
      const problem = `Cannot create "${directory}": ${reason(error)}${advice}`;
      throw new Failure(problem, { exit: EXIT.CANNOT_CREATE, cause: error });
    }
  }
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
