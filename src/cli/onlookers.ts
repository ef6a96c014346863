/** Runs that are over, and entries that have none → those who want to hear of them: hooks, warnings, metrics. */
import { join } from 'node:path';
import type { LoadedCrontabs } from './crontabs.ts';
import { Expectations } from './expect.ts';
import { openAlarm } from './hooks.ts';
import { Metrics, type Present } from './meters.ts';
import type { Surroundings } from './surroundings.ts';
import type { Works } from './works.ts';

/** Who looks on while jobs run. */
export interface Onlookers {
  readonly metrics: Metrics;
  /** See which entries are to succeed. */
  begin(): void;
  /** Look for those that did not, once a minute, and write the metrics. */
  minute(): void;
  close(): Promise<void>;
}

/** Let them hear of runs from now on. */
export function openOnlookers(
  { settings: { config }, clock, users, log }: Surroundings,
  crontabs: Pick<LoadedCrontabs, 'tabs'>,
  { runners, history }: Pick<Works, 'runners' | 'history'>,
  present: () => Promise<Present>,
): Onlookers {
  const expectations = new Expectations(join(config.paths.state, 'expected'), log);
  const alarm = openAlarm(config, users, log);
  const metrics = new Metrics(config.metrics, clock.now());
  history.onRun((record) => {
    expectations.ran(record);
    metrics.ran(record);
    alarm.ran(record);
  });
  return {
    metrics,
    // What ended while no cron was here is told of a little later: until then nobody is overdue.
    begin: () => expectations.note(crontabs.tabs, clock.now()),
    minute() {
      for (const overdue of expectations.look(crontabs.tabs, clock.now())) {
        void runners.start([overdue.firing]); // nobody waits for it; never throws
        alarm.overdue(overdue);
      }
      if (config.metrics.textfile !== undefined)
        void present().then((now) => metrics.write(now, log));
    },
    close: () => alarm.close(),
  };
}
