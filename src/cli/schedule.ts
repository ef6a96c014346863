/** The scheduler: its parts opened one after the other, the loop run until a signal, the parts closed again. */
import { hostname } from 'node:os';
import { zonesOf } from '../core/agenda.ts';
import { watch } from '../spool/watch.ts';
import { giveBack } from '../system/heap.ts';
import { type Manager, openManager } from '../system/notify.ts';
import type { Log, SinkChoice } from '../system/sink.ts';
import { onUsr1 } from './agenda.ts';
import { openControl } from './control.ts';
import { type LoadedCrontabs, openCrontabs } from './crontabs.ts';
import { leaveTerminal } from './detach.ts';
import { Doing } from './doing.ts';
import { tidyDrafts } from './drafts.ts';
import { openLoop } from './loop.ts';
import { tellOfNobody } from './nobody.ts';
import { tellOwners } from './notices.ts';
import { openOnlookers } from './onlookers.ts';
import { presentOf } from './present.ts';
import { type FirstStart, firstStart } from './reboot.ts';
import type { Settings } from './serve.ts';
import { Soonest } from './soonest.ts';
import { rebootFirings } from './starts.ts';
import { stopJobs } from './stopping.ts';
import { surround, type Surroundings } from './surroundings.ts';
import { openWorks, type Works } from './works.ts';

/** The manager's watchdog is fed once a minute. */
const MINUTE = 60_000;

/** Schedule until a signal ends it; all that is opened here is closed in order. */
export async function schedule(
  settings: Settings,
  choice: SinkChoice,
  log: Log,
  forked: boolean,
): Promise<void> {
  const { config, startNothing } = settings;
  const { paths } = config;
  const first = firstStart(paths.reboot, settings.boot);
  const around = surround(settings, choice, log, forked);
  const { clock, users } = around;
  const started = clock.now();
  const manager = openManager(process.env, MINUTE, log);
  const crontabs = await loadCrontabs(around);
  const works = await openWorks(around);
  const { runners, history, outbound } = works;
  const rounds = outbound?.rounds ?? null;
  const present = presentOf(crontabs, runners, paths.state);
  const onlookers = openOnlookers(around, crontabs, works, present);
  if (!startNothing) tellOwners(crontabs, runners, paths.state, log);
  const soonest = new Soonest(crontabs, clock, hostname());
  const server = await openControl(settings, {
    crontabs,
    runners,
    history,
    rounds,
    ended: works.ended,
    metrics: onlookers.metrics,
    present,
    soonest,
    users,
    log,
    started,
  });
  log('CRON', 'STARTUP', forked ? 'fork ok' : 'foreground');
  if (process.geteuid?.() === 0) void tellOfNobody(config, users, log); // never throws
  const doing = new Doing({ manager, crontabs, runners, soonest, clock });
  works.onChange = () => doing.changed();
  doing.ready();
  onHangup(crontabs, manager, doing);
  onUsr1(crontabs, clock, log);
  if (forked) await leaveTerminal();
  await reboot(first, around, crontabs, works);
  if (!startNothing) onlookers.begin();
  zonesOf(crontabs.tabs, hostname()); // groups the entries, so that the first minute need not
  giveBack();

  const loop = openLoop(started, around, crontabs, works, () => {
    rounds?.minute(); // after its jobs
    doing.alive();
    if (startNothing) return;
    history.minute();
    onlookers.minute();
  });
  await loop.run();
  doing.close();
  manager.stopping();
  await server.close();
  await crontabs.close();
  loop.stop();
  await stopJobs(runners, rounds, config.jobs, log);
  await outbound?.close();
  await runners.close();
  await loop.close();
  works.recorder.close();
  await history.close();
  await onlookers.close();
}

/** Load what is there, and look again at whatever changes. */
async function loadCrontabs(around: Surroundings): Promise<LoadedCrontabs> {
  const { settings, users, clock, log, signal } = around;
  const { spool, system_crontab: system, cron_d: cronD } = settings.config.paths;
  const crontabs = openCrontabs(settings, { users, clock, log });
  await crontabs.refresh();
  if (!settings.startNothing) tidyDrafts(spool, log);
  const look = (): void => void crontabs.refresh(); // never throws; what it finds is logged
  process.on('SIGHUP', look);
  watch([spool, system, cronD], { onHint: () => crontabs.suspect(), onChange: look }, signal);
  return crontabs;
}

/** Tell the manager of the look at the crontabs that a SIGHUP asks for. */
function onHangup(crontabs: LoadedCrontabs, manager: Manager, doing: Doing): void {
  process.on('SIGHUP', () => {
    manager.reloading();
    void crontabs.refresh().then(() => doing.ready());
  });
}

/** Start the @reboot entries, if no cron did so since the boot. */
async function reboot(
  first: FirstStart | null,
  { settings, log, signal }: Surroundings,
  { tabs }: LoadedCrontabs,
  { start }: Works,
): Promise<void> {
  if (first === null) return log('CRON', 'INFO', 'Skipping @reboot jobs -- not system startup');
  log('CRON', 'INFO', 'Running @reboot jobs');
  await start(rebootFirings(tabs, first.boot));
  if (!signal.aborted && !settings.startNothing) first.done();
}
