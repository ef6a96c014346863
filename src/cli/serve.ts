/** Settings → the daemon: alone, logging, with its directories; returns when a signal has ended it. */
import type { Config } from '../system/config.ts';
import { EXIT, Failure, reason } from '../system/failure.ts';
import { logChoice, openLog } from '../system/log.ts';
import { reapOrphans } from '../system/orphans.ts';
import { sealDescriptors } from '../system/process.ts';
import type { Log, SinkChoice } from '../system/sink.ts';
import { makeDirectories } from './directories.ts';
import { lockPidFile, type PidFile } from './pidfile.ts';
import { schedule } from './schedule.ts';

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
  if (process.pid === 1) reapOrphans();
  sealDescriptors();
  process.chdir('/');
  const choice = logChoice(config.log, settings.foreground, process.env);
  const log = await openLogOrFail(choice);
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

async function openLogOrFail(choice: SinkChoice): Promise<Log> {
  try {
    return await openLog({ ...choice, impersonate: true }, 'cron');
  } catch (error) {
    const { to } = choice; // only a file is opened before there is something to say
    const where = typeof to === 'string' ? to : 'file' in to ? to.file : to.journal;
    const problem = `Cannot open the log "${where}": ${reason(error)}`;
    throw new Failure(problem, { exit: EXIT.CANNOT_CREATE, cause: error });
  }
}
