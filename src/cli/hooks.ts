/** The configuration's [hooks] → runs that went wrong, or never were, told to the administrator's programs. */
import { hostname, userInfo } from 'node:os';
import { type Facts, Hooks } from '../run/hooks.ts';
import { systemLauncher } from '../run/launcher.ts';
import type { Config } from '../system/config.ts';
import { isFailure, isLeftOut, type RunRecord } from '../system/record.ts';
import type { Log } from '../system/sink.ts';
import type { Users } from '../system/users.ts';
import type { Overdue } from './expect.ts';

/** In milliseconds. */
const TIMEOUT = 60_000;

/** Who tells of failures and of what was missed. */
export interface Alarm {
  ran(record: RunRecord): void;
  overdue(entry: Overdue): void;
  close(): Promise<void>;
}

/** Make it. An ordinary user's daemon runs the hooks as that user. */
export function openAlarm({ hooks, jobs }: Config, users: Users, log: Log): Alarm {
  const uid = process.geteuid?.() ?? 0;
  const name = uid === 0 ? hooks.hook_user : userInfo().username;
  const runner = new Hooks({
    programs: { failure: argvOf(hooks.on_failure), missed: argvOf(hooks.on_missed) },
    async user() {
      const user = await users.find(name);
      if (user === null) throw new Error(`there is no user "${name}" ([hooks] hook_user)`);
      return user;
    },
    launcher: systemLauncher(uid, jobs.nofile),
    log,
    perMinute: hooks.per_minute,
    timeout: TIMEOUT,
  });
  return {
    ran(record) {
      if (isFailure(record)) runner.tell('failure', factsOf(record));
      if (isLeftOut(record)) runner.tell('missed', factsOf(record));
    },
    overdue({ identity, crontab, line, entry, user, command, since }) {
      runner.tell('missed', {
        host: hostname(),
        entry: identity,
        crontab,
        line,
        text: entry,
        user,
        command,
        outcome: 'overdue',
        since: iso(since),
      });
    },
    close: () => runner.close(),
  };
}

function argvOf(words: string | readonly string[] | undefined): [string, ...string[]] | undefined {
  const [program, ...rest] = typeof words === 'string' ? [words] : (words ?? []);
  return program === undefined ? undefined : [program, ...rest];
}

/** Their names are a promise: cron(8) lists them. */
function factsOf(record: RunRecord): Facts {
  const { started, ended } = record;
  return {
    host: hostname(),
    run: record.run,
    entry: record.identity,
    crontab: record.crontab,
    line: record.line,
    text: record.entry,
    user: record.user,
    command: record.command,
    outcome: record.timedOut ? 'timed-out' : record.outcome,
    exit: record.code,
    signal: record.signal,
    scheduled: record.scheduled,
    started: iso(started),
    ended: iso(ended),
    duration: started === null || ended === null ? null : ((ended - started) / 1000).toFixed(3),
    bytes: record.bytes,
    mail: record.mail,
  };
}

function iso(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
