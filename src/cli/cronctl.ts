/** cronctl(1): the command line → one of its commands. */
import { EXIT, Failure } from '../system/failure.ts';
import { print, say } from './terminal.ts';
import { version } from './version.ts';

const USAGE = `usage:\tcronctl next [--file FILE [--system] | --user USER] [--from T] [--until T]
\t\t[-n N | --timeline] [--tz ZONE] [--json] [--config FILE]
\tcronctl check [--system] [--json] FILE...
\tcronctl mail-test [ADDRESS] [--user USER] [--mailcmd COMMAND] [--mailargs FORMAT]
\t\t[--json] [--config FILE]
\tcronctl status [--json] [--config FILE]
\tcronctl metrics [--config FILE]
\tcronctl top [--json] [--config FILE]
\tcronctl run [--detach [--json]] [--no-mail] [--user USER] [--config FILE] ENTRY
\tcronctl kill [--now | --signal SIGNAL] [--json] [--config FILE] RUN...
\tcronctl log [-f | --follow] [--config FILE] RUN
\tcronctl history [--user USER] [--failed] [--since T] [-n N] [--json] [--config FILE]
\tcronctl reload [--json] [--config FILE]
\tcronctl mailq [--json] [--config FILE]
\tcronctl flush [--json] [--config FILE] [ID...]

\tnext\t(tells what the daemon will start, and when)
\tcheck\t(tells every problem of crontabs; "-": standard input)
\tmail-test\t(sends one mail, and tells what happens)
\tstatus\t(tells whether cron is running, and what it is doing)
\tmetrics\t(tells what monitoring wants to know, as OpenMetrics)
\ttop\t(shows what it is doing, second by second)
\trun\t(starts an entry now, as cron would, and shows its output)
\tkill\t(ends a job that is running)
\tlog\t(shows the output of a job that is running, or has been)
\thistory\t(tells what became of jobs)
\treload\t(has cron look at its crontabs now)
\tmailq\t(tells which mails wait, and why)
\tflush\t(has cron try to send them now)

\tcronctl COMMAND --help tells more, and cronctl --version the version`;

/** A command takes the arguments behind its name, and returns the exit status. */
export type Command = (args: readonly string[]) => Promise<number>;

/** Each is loaded when it is called for. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  next: async () => (await import('./next.ts')).next,
  check: async () => (await import('./problems.ts')).check,
  'mail-test': async () => (await import('./mailtest.ts')).mailTest,
  status: async () => (await import('./status.ts')).status,
  metrics: async () => (await import('./metrics.ts')).metrics,
  top: async () => (await import('./top.ts')).top,
  run: async () => (await import('./run.ts')).run,
  kill: async () => (await import('./kill.ts')).kill,
  log: async () => (await import('./log.ts')).log,
  history: async () => (await import('./ran.ts')).history,
  reload: async () => (await import('./reload.ts')).reload,
  mailq: async () => (await import('./mailq.ts')).mailq,
  flush: async () => (await import('./mailq.ts')).flush,
};

/** Run cronctl; returns its exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  const [, , name = '', ...args] = argv;
  try {
    if (name === '--help' || name === '-h' || name === 'help') {
      await print(Buffer.from(`${USAGE}\n`));
      return EXIT.OK;
    }
    if (name === '--version' || name === '-V') {
      await print(Buffer.from(`mailcron ${version()}\n`));
      return EXIT.OK;
    }
    const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (load === undefined) throw new Failure(`${unknown(name)}\n${USAGE}`, { exit: EXIT.USAGE });
    const command = await load();
    return await command(args);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    say(`cronctl: ${error.message}`);
    return error.exit;
  }
}

function unknown(name: string): string {
  if (name === '') return 'usage error: a command is needed';
  return `usage error: there is no command "${name}"; there are ${Object.keys(COMMANDS).join(', ')}`;
}
