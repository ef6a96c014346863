/** A job that cron runs → its output on stdout, as it comes, and its end; through restarts of cron too. */
import { constants } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { Answer } from '../control/client.ts';
import { type End, listen } from '../control/listen.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { failureOf, notRunning, socketOf } from './inquiry.ts';
import { harmless } from './lines.ts';
import { shownPieces } from './pieces.ts';
import { print, say } from './terminal.ts';

/** How long cron may be away, in milliseconds, when it is restarted. */
const AWAY = 30_000;
const AGAIN = 200;
/** A job that has not begun after so long waits for another one. */
const SOON = 2000;

/** What to ask for, and what to tell while it goes on. */
export interface Wish {
  readonly question: { readonly request: 'run' | 'follow'; readonly [field: string]: unknown };
  readonly config: string | undefined;
  /** Told the name of the run, its user and its command. */
  readonly onRun: (run: string, owner: string, command: string) => void;
}

/** Show a job until it ends; returns the status it ended with, as a shell tells it. */
export async function watchJob({ question, config, onRun }: Wish): Promise<number> {
  const socket = await socketOf(config);
  let asked = question;
  const show = shownPieces(process.stdout.isTTY);
  let run = '';
  let next = 0;
  let status: number | null = null;
  let deadline = Infinity;
  const waits = setTimeout(() => {
    if (run !== '') say('cronctl: it waits for others to end');
  }, SOON);
  waits.unref();

  /** False: nobody reads what is shown. */
  const hear = async (answer: Answer): Promise<boolean> => {
    // Cron was away, and the job ended meanwhile.
    if (!answer.ok && answer.error === 'none' && run !== '') throw endUnknown(run);
    if (!answer.ok) throw failureOf(answer);
    deadline = Infinity;
    if (run === '' && typeof answer['run'] === 'string') {
      const { owner, command } = answer;
      run = answer['run'];
      onRun(run, String(owner), harmless(String(command)));
    }
    if (answer['begun'] === true) clearTimeout(waits);
    if (answer.body.length > 0 && !(await print(show(answer.body)))) return false;
    const { next: place } = answer;
    if (typeof place === 'number') next = place;
    if ('end' in answer) status = statusOf(run, answer['end'], answer['exit']);
    return true;
  };

  try {
    for (;;) {
      const end = await each(listen(socket, asked), hear);
      if (status !== null) return status;
      if (end === 'unread') return EXIT.OK;
      if (run === '' && end === 'absent') throw notRunning(socket);
      if (run === '' && end !== 'cut') throw new Failure(NO_ANSWER, { exit: EXIT.FAILURE });
      if (run === '') throw new Failure(UNKNOWN, { exit: EXIT.FAILURE });
      if (deadline === Infinity) deadline = performance.now() + AWAY;
      if (performance.now() > deadline) throw notRunning(socket);
      await pause(AGAIN);
      asked = { request: 'follow', run, from: next };
    }
  } finally {
    clearTimeout(waits);
  }
}

const NO_ANSWER = 'cron tells of no job; is it of another version?';
const UNKNOWN = 'cron hung up before it told of the job: whether it was started is not known';

function endUnknown(run: string): Failure {
  const problem = `the job ended while cron was away; how is not known here: run ${run}`;
  return new Failure(problem, { exit: EXIT.FAILURE });
}

async function each(
  answers: AsyncGenerator<Answer, End>,
  hear: (answer: Answer) => Promise<boolean>,
): Promise<End | 'unread'> {
  try {
    for (;;) {
      const next = await answers.next();
      if (next.done === true) return next.value;
      if (!(await hear(next.value))) return 'unread';
    }
  } finally {
    await answers.return('said'); // hangs up
  }
}

/** The exit status of a job, as a shell has it: 128 and the signal's number for one that was killed. */
function statusOf(run: string, end: unknown, exit: unknown): number {
  if (end === 'lost')
    throw new Failure(`the process that watched run ${run} died: its outcome is unknown`, {
      exit: EXIT.FAILURE,
    });
  if (end === 'gone') throw endUnknown(run);
  if (end === 'running') return EXIT.OK;
  if (!isExit(exit)) {
    say('cronctl: the job was not started');
    return NOT_STARTED;
  }
  if (exit.signal === null) return exit.code ?? EXIT.FAILURE;
  say(`cronctl: the job was ended by ${harmless(exit.signal)}`);
  return 128 + (Object.entries(constants.signals).find(([name]) => name === exit.signal)?.[1] ?? 0);
}

/** What a shell says of a command that it cannot run. */
const NOT_STARTED = 127;

function isExit(value: unknown): value is { code: number | null; signal: string | null } {
  return typeof value === 'object' && value !== null && 'code' in value && 'signal' in value;
}
