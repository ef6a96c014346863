/** The runner's program: what it is told by its scheduler → a runner. Everything it needs is loaded at its start. */
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Environment, parseEnvironmentFile } from '../core/environment.ts';
import { mailer, type MailSettings } from '../mail/mailer.ts';
import { everyone, pamAccount } from '../run/account.ts';
import { pamChecks } from '../run/checks.ts';
import { createJournal } from '../run/journal.ts';
import { openRecorder } from '../run/recorder.ts';
import { systemLauncher } from '../run/launcher.ts';
import type { JobLimits } from '../run/limits.ts';
import { pamHold } from '../run/hold.ts';
import type { Letterhead } from '../run/report.ts';
import { openScope } from '../run/scope.ts';
import { type ShelfSettings, openShelf } from '../run/shelf.ts';
import { startRunner } from '../run/runner.ts';
import { fromBytes } from '../system/bytes.ts';
import { reason } from '../system/failure.ts';
import { giveBack } from '../system/heap.ts';
import { sealDescriptors, startTime } from '../system/process.ts';
import { openSink, plainLog, type SinkChoice } from '../system/sink.ts';
import { systemUsers } from '../system/users.ts';
import { tellParent } from './fork.ts';
import { mailboxes, type MailboxSettings } from './mailboxes.ts';

/** What a scheduler tells a runner at its start. */
export interface Instructions {
  readonly id: string;
  readonly journal: string;
  readonly socket: string;
  /** Directory of jobs' output. */
  readonly output: string;
  /** Where it records how runs ended, and how much of their output. */
  readonly record: { readonly file: string; readonly output: number };
  /** The daemon's variables that jobs get, as byte strings. */
  readonly passed: Environment;
  readonly mail: MailSettings;
  readonly mailboxes: MailboxSettings;
  readonly letterhead: Letterhead;
  readonly log: SinkChoice;
  /** Bytes of a job's output that are kept at most. */
  readonly outputLimit: number;
  /** Where outputs are kept that are too long for a mail. */
  readonly long: ShelfSettings;
  readonly logBits: number;
  readonly nofile: number;
  readonly limits: JobLimits;
  /** Ask PAM whether a user's jobs may run, where there is one. */
  readonly pam: boolean;
  /** Open a PAM session for each job. */
  readonly session: boolean;
  /** Start each job in a systemd scope. */
  readonly scope: boolean;
  /** In milliseconds. */
  readonly linger: number;
}

/** The program that asks PAM about accounts. */
const CHECKER = fileURLToPath(new URL('./checker.js', import.meta.url));
/** The program that holds a PAM session. */
const HOLDER = fileURLToPath(new URL('./hold.js', import.meta.url));

/** Debian's PAM setup of cron: later files win. */
const ENVIRONMENT_FILES = ['/etc/environment', '/etc/default/locale'];

process.once('message', (message) => {
  if (isInstructions(message)) void main(message); // catches all that it throws
});

async function main(told: Instructions): Promise<void> {
  // Signals from the terminal and from `systemctl stop` are for the scheduler; jobs go on.
  process.on('SIGINT', () => {});
  process.on('SIGHUP', () => {});
  process.on('SIGUSR1', () => {}); // else Node opens its debugger
  process.chdir('/'); // whatever is started starts here
  try {
    sealDescriptors();
    const log = plainLog(openSink(told.log), 'CRON');
    const error = { level: 'error' } as const;
    const onTrouble = (problem: string): void => log('CRON', 'ERROR', problem, error);
    const journal = createJournal(told.journal, onTrouble);
    const { id: runner, outputLimit, nofile, linger, logBits, letterhead, socket } = told;
    journal.write([{ runner, pid: process.pid, started: startTime(process.pid) ?? 0 }]);
    const self = process.geteuid?.() ?? 0;
    const launcher = systemLauncher(self, nofile);
    const users = systemUsers();
    const deposit = mailboxes(told.mailboxes, { launcher, users, log });
    const drains = new AbortController();
    const leaving = drains.signal;
    let [posted, written] = [(): void => {}, (): void => {}];
    const onWritten = (): void => written();
    const recorder = openRecorder({ ...told.record, onTrouble, onWritten });
    const jobs = await startRunner({
      users,
      launcher,
      account: self === 0 && told.pam ? pamAccount(pamChecks(CHECKER), log) : everyone,
      hold: self === 0 && told.session ? pamHold(HOLDER, nofile) : null,
      scope: self === 0 && told.scope ? openScope(log) : null,
      log,
      baseEnvironment,
      passed: told.passed,
      outputLimit,
      keepLong: openShelf(told.long),
      outputFile: (run) => `${told.output}/${run}`,
      logBits,
      linger,
      journal,
      limits: told.limits,
      recorder,
      deliver: mailer(told.mail, {
        launcher,
        log,
        deposit,
        leaving,
        onPosted: () => posted(),
        onFate: (run, fate) => recorder.mailed(run, fate),
        onHanding: (run) => journal.write([{ mailing: run }]),
        onRefused: (run) => journal.write([{ unmailed: run }]),
      }),
      onDrain: () => drains.abort(),
      letterhead,
      socket,
    });
    posted = () => jobs.posted();
    written = () => jobs.written();
    process.on('SIGTERM', () => jobs.leave());
    // One job's surprise must not cost the others their output.
    process.on('uncaughtException', (surprise) => {
      log('CRON', 'ERROR', `internal error: ${surprise.stack ?? String(surprise)}`, error);
    });
    await tellParent({ ready: true });
    giveBack(); // what its own start has left
    await jobs.ended;
    process.exit(0);
  } catch (error) {
    await tellParent({ failed: reason(error) });
    process.exit(1);
  }
}

let known: { marks: string; environment: Environment } | undefined;

/** Read the files again when they have changed. */
function baseEnvironment(): Environment {
  const marks = ENVIRONMENT_FILES.map((file) => {
    try {
      const stat = statSync(file);
      return `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;
    } catch {
      return ''; // not there, as on most machines
    }
  }).join('\n');
  if (known?.marks !== marks) {
    const variables = ENVIRONMENT_FILES.flatMap((file) => {
      try {
        return parseEnvironmentFile(fromBytes(readFileSync(file)));
      } catch {
        return [];
      }
    });
    known = { marks, environment: [...new Map(variables)] };
  }
  return known.environment;
}

function isInstructions(message: unknown): message is Instructions {
  return typeof message === 'object' && message !== null && 'journal' in message;
}
