/** cronctl log: the output of a job that is running, or has been → stdout; with -f, as it comes. */
import type { RunInfo } from '../control/answers.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { inquire, isNone } from './inquiry.ts';
import { bytesText, harmless, localTime } from './lines.ts';
import { longOptions } from './longs.ts';
import { shownPieces } from './pieces.ts';
import { print, say } from './terminal.ts';
import { watchJob } from './watching.ts';

const USAGE = `usage:\tcronctl log [-f | --follow] [--config FILE] RUN

\tRUN\t(as status and history show it, or the beginning of it)
\t-f\t(go on until the job ends)
\t--config FILE\t(read this file and not /etc/mailcron.toml)`;

/** Show what a job has printed so far, or until its end, or when it ran. */
export async function log(args: readonly string[]): Promise<number> {
  const { options, operands } = longOptions(args, ['follow', 'config:', 'help'], 'f', USAGE);
  if (options.has('help')) return (await print(Buffer.from(`${USAGE}\n`))) ? EXIT.OK : EXIT.FAILURE;
  const [run = '', ...others] = operands;
  if (run === '' || others.length > 0)
    throw new Failure(`usage error: name one run\n${USAGE}`, { exit: EXIT.USAGE });
  const follows = options.has('follow') || options.has('f');
  const question = { request: 'follow', run, ...(!follows && { wait: false }) } as const;
  const config = options.get('config');
  try {
    const status = await watchJob({ question, config, onRun: () => {} });
    if (status !== 0 && status <= 128) say(`cronctl: the job ended with exit status ${status}`);
    return EXIT.OK;
  } catch (error) {
    if (!isNone(error)) throw error;
    return logOfEnded(run, config);
  }
}

/** Show what a run that is over has printed, as far as it is kept. */
async function logOfEnded(run: string, config: string | undefined): Promise<number> {
  const { found, kept, body } = await inquire({ request: 'log', run }, config);
  if (found === undefined) throw new Failure('cron tells of no run', { exit: EXIT.FAILURE });
  if (!(await print(shownPieces(process.stdout.isTTY)(body)))) return EXIT.OK;
  const { bytes, outcome } = found;
  if (kept !== true && bytes > 0)
    say(`cronctl: it printed ${bytesText(bytes)}, which are not kept`);
  if (kept !== true && bytes === 0) say('cronctl: it printed nothing');
  if (outcome !== 'succeeded') say(`cronctl: ${ending(found)}`);
  const mail = MAILS[found.mailLater ?? found.mail];
  const at = found.mailLaterAt ?? null;
  if (mail !== undefined)
    say(`cronctl: ${mail}${at === null ? '' : ` at ${localTime(Date.parse(at))}`}`);
  return EXIT.OK;
}

function ending({ outcome, exit, signal, timedOut }: RunInfo): string {
  if (timedOut) return 'the job was ended by its time-out';
  if (typeof signal === 'string') return `the job was ended by ${harmless(signal)}`;
  if (typeof exit === 'number') return `the job ended with exit status ${exit}`;
  return ENDINGS[outcome] ?? harmless(outcome);
}

/** What is worth to be told of its mail. */
const MAILS: Readonly<Record<string, string>> = {
  outbox: 'its mail waits in the outbox: see "cronctl mailq"',
  dropped: 'its mail was not kept: the outbox had no room for it',
  sent: 'its mail was sent later',
  returned: 'its mail was given up, and its owner told',
  'given-up': 'its mail was given up',
};

const ENDINGS: Readonly<Partial<Record<RunInfo['outcome'], string>>> = {
  'not-started': 'the job was not started',
  unknown: 'the process that watched the job died: its outcome is unknown',
  skipped: 'the job did not run: another one of its entry was running still',
  missed: 'the job did not run: cron was not running or asleep at its time',
};
