/** cron(8): the command line → settings, and the daemon in the foreground or away from the terminal. */
import { checkMailSettings } from '../mail/mailer.ts';
import { SAVING } from '../system/compiler.ts';
import type { Config } from '../system/config.ts';
import { configuration } from '../system/defaults.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { checkTestClock } from '../system/testclock.ts';
import { bootId, startTime } from '../system/process.ts';
import { forkDetached, untilReady } from './fork.ts';
import { commandLine } from './options.ts';
import { serve, type Settings } from './serve.ts';
import { version } from './version.ts';

const USAGE = `usage: cron [-f] [-l] [-L loglevel] [-n] [-x flags]
            [--stop-jobs[=SECONDS]] [--config FILE] [--mailcmd COMMAND] [--mailargs FORMAT]

  -f, --foreground    stay in the foreground
  -l, --lsb-names     accept file names of the LSB in /etc/cron.d
  -L, --log-level N   what is logged of jobs, a sum: 1 start, 2 end, 4 failure, 8 process ids
  -n, --fqdn          write the whole host name into the Subject of mails
  -x, --debug FLAGS   stay in the foreground; "test": log jobs and start none
      --stop-jobs[=SECONDS]
                      end running jobs with the daemon: SIGTERM, later SIGKILL
      --config FILE   read this file and not /etc/mailcron.toml
      --mailcmd COMMAND, --mailargs FORMAT
                      the mailer and its arguments, as MAILCMD and MAILARGS
  -h, --help          show this
  -V, --version       show the version`;

const OPTIONS =
  'f(foreground)l(lsb-names)L:(log-level)n(fqdn)x:(debug)h(help)V(version)' +
  '\u1000:(config)\u1001:(mailcmd)\u1002:(mailargs)\u1003:(stop-jobs)';
/** The only option whose value may be missing, which getopt does not know: then it is this. */
const AS_CONFIGURED = 'as configured';

/** Tells a process that it was started by the one that leaves the terminal. */
const FORKED = 'CRON_FORKED';

/** Run cron; returns its exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const words = argv.map((word) =>
      word === '--stop-jobs' ? `--stop-jobs=${AS_CONFIGURED}` : word,
    );
    const { options, operands } = commandLine(OPTIONS, words, USAGE);
    if (operands.length > 0)
      throw new Failure(`usage error: unexpected "${operands[0]}"\n${USAGE}`, {
        exit: EXIT.FAILURE,
      });
    if (options.has('h')) return say(USAGE);
    if (options.has('V')) return say(`mailcron ${version()}`);
    const settings = await readSettings(options);
    const forked = process.env[FORKED] !== undefined;
    delete process.env[FORKED];
    if (!settings.foreground && !forked) return await detach(argv);
    return await serve(settings, forked);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    process.stderr.write(`cron: ${error.message}\n`);
    return error.exit;
  }
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return EXIT.OK;
}

async function readSettings(options: ReadonlyMap<string, string>): Promise<Settings> {
  const level = options.get('L') ?? '1';
  const wrong = (problem: string): Failure =>
    new Failure(`usage error: ${problem}\n${USAGE}`, { exit: EXIT.FAILURE });
  if (!/^\d{1,2}$/.test(level) || Number(level) > 15)
    throw wrong(`-L takes a number from 0 to 15, not "${level}"`);
  const debug = options.get('x');
  if (debug !== undefined && debug !== 'test')
    throw wrong(`-x knows the flag "test", not "${debug}"`);
  const grace = options.get('\u1003');
  if (grace !== undefined && grace !== AS_CONFIGURED && !/^\d{1,5}$/.test(grace))
    throw wrong(`--stop-jobs takes a number of seconds, not "${grace}"`);
  const config = await configuration(
    {
      config: options.get('\u1000'),
      mailcmd: options.get('\u1001'),
      mailargs: options.get('\u1002'),
    },
    process.env,
  );
  checkMailSettings(config.mail);
  checkTestClock(config, process.env);
  const isFirst = process.pid === 1;
  return {
    // A container ends with its process 1, and all jobs with it; the start of that is its boot.
    foreground: options.has('f') || debug !== undefined || isFirst,
    ...(isFirst && { boot: `${bootId()} ${startTime(1)}` }),
    lsb: options.has('l'),
    logBits: Number(level),
    fqdn: options.has('n'),
    startNothing: debug === 'test',
    config:
      grace === undefined && !isFirst
        ? config
        : { ...config, jobs: stopping(config.jobs, grace ?? AS_CONFIGURED) },
  };
}

function stopping(jobs: Config['jobs'], grace: string): Config['jobs'] {
  const seconds = grace === AS_CONFIGURED ? jobs.stop_grace : Number(grace);
  return { ...jobs, stop: 'end', stop_grace: seconds };
}

/** Start the daemon proper in a session of its own; its exit status is ours if it cannot start. */
async function detach(argv: readonly string[]): Promise<number> {
  const [, program = '', ...args] = argv;
  const child = forkDetached(program, args, {
    environment: { ...process.env, [FORKED]: '1' },
    options: SAVING,
  });
  let status: number = EXIT.SOFTWARE;
  child.once('exit', (code) => (status = code ?? EXIT.SOFTWARE));
  try {
    await untilReady(child);
    return EXIT.OK;
  } catch {
    return status; // it has said why, on the same stderr
  }
}
