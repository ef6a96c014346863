/** What is asked of running jobs over the control socket, and starts by hand → what is done. */
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Answer, Call, Part } from '../control/desk.ts';
import { type Caller, isPrivileged } from '../control/permit.ts';
import type { CandidateInfo } from '../control/answers.ts';
import { type Refusal, refusal } from '../control/protocol.ts';
import { GRACE } from '../run/ending.ts';
import { firingOf } from '../run/firing.ts';
import { follow } from '../run/follow.ts';
import type { Firing, RunningJob } from '../run/protocol.ts';
import type { Runners } from '../run/runners.ts';
import type { Watch } from '../run/watches.ts';
import { toText } from '../system/bytes.ts';
import { isTold } from '../system/program.ts';
import type { LoadedCrontabs } from './crontabs.ts';
import { nameOf, type Pick as Choice, pickEntry } from './pick.ts';

/** What such requests are about. */
export interface LiveTools {
  readonly runners: Pick<Runners, 'jobs' | 'start' | 'isRunning' | 'kill' | 'watch' | 'unwatch'>;
  readonly crontabs: Pick<LoadedCrontabs, 'tabs' | 'refresh' | 'reload'>;
  /** Directory of the outputs of jobs that are running. */
  readonly outputs: string;
  /** The daemon's uid. */
  readonly daemon: number;
  readonly startsNothing: boolean;
  /** Log what somebody has done. */
  readonly note: (caller: Caller, event: string, detail: string) => void;
}

type Answers = Readonly<Record<'run' | 'follow' | 'kill', (call: Call) => Promise<Answer>>>;

/** Answer: users have a hand in their own jobs, root in all. */
export function liveAnswers(tools: LiveTools): Answers {
  const { runners, crontabs, outputs, daemon, startsNothing, note } = tools;
  const isAll = ({ head, caller }: Call): boolean =>
    head.user === undefined && isPrivileged(caller, daemon);

  /** The job of a run that is called by the beginning of its name. */
  function jobOf(call: Call): RunningJob | Refusal {
    const { run } = call.head;
    if (typeof run !== 'string' || run === '') return garbled('run', 'the name of a run');
    const jobs = runners.jobs.filter((job) => isAll(call) || job.user === call.user.name);
    const found = jobs.filter((job) => job.run.startsWith(run));
    const exact = found.find((job) => job.run === run);
    const [first, ...others] = exact === undefined ? found : [exact];
    if (first === undefined) return refusal('none', `no job "${run}" is running`);
    if (others.length === 0) return first;
    const message = `"${run}" may be each of ${found.length} running jobs`;
    const told = found
      .slice(0, TOLD)
      .map(({ run: name, user, command }) => ({ name, user, command }));
    return { ...refusal('ambiguous', message), candidates: told };
  }

  /** The output of a run from a place on, and at last how it ended. */
  async function* show(watch: Watch, from: number, wait = true): AsyncGenerator<Part | null, void> {
    const { run } = watch;
    let isBegun = false;
    for await (const piece of follow(join(outputs, run), watch, from)) {
      if (!isBegun && watch.phase !== 'waiting') {
        isBegun = true;
        yield { head: { ...MORE, begun: true } };
      }
      if (piece === null && !wait && watch.phase === 'shown') break;
      if (piece === null) yield null;
      else yield { head: { ...MORE, next: piece.next }, body: piece.bytes };
    }
    const { exit } = watch;
    const isUntold = exit !== null && !isTold(exit);
    const end = watch.phase === 'shown' ? 'running' : isUntold ? 'lost' : watch.phase;
    yield { head: { ok: true, end, exit: exit === null || isUntold ? null : { ...exit } } };
  }

  async function* watching(
    run: string,
    from: number,
    wait: boolean,
  ): AsyncGenerator<Part | null, void> {
    const watch = runners.watch(run);
    try {
      yield* show(watch, from, wait);
    } finally {
      runners.unwatch(watch);
    }
  }

  async function followed(call: Call): Promise<Answer> {
    const { from = 0, wait = true } = call.head;
    if (typeof from !== 'number' || !Number.isSafeInteger(from) || from < 0)
      return { head: garbled('from', 'a number of bytes') };
    const job = jobOf(call);
    if ('error' in job) return { head: job };
    const { run, user, command } = job;
    return {
      head: { ...MORE, run, owner: user, command },
      parts: watching(run, from, wait !== false),
    };
  }

  async function kill(call: Call): Promise<Answer> {
    const { signal: asked } = call.head;
    const signal = typeof asked === 'string' ? asked : 'SIGTERM';
    if (!isSignal(signal)) return { head: refusal('failed', `There is no signal "${signal}"`) };
    const job = jobOf(call);
    if ('error' in job) return { head: job };
    const { run, user, command } = job;
    const grace = asked === undefined ? GRACE : null;
    note(call.caller, 'KILL', `${signal} to ${run} of ${user}: ${command}`);
    const done = await runners.kill(run, { by: call.caller.name, signal, grace });
    if (!done) return { head: refusal('none', `no job "${run}" is running`) };
    return { head: { ok: true, run, owner: user, command, signal, grace } };
  }

  /** Start, and show what comes of it. */
  async function* started(firing: Firing): AsyncGenerator<Part | null, void> {
    const { run, user, command } = firing;
    const watch = runners.watch(run);
    try {
      await runners.start([firing]);
      yield { head: { ...MORE, run, owner: user, command: toText(command) } };
      yield* show(watch, 0);
    } finally {
      runners.unwatch(watch);
    }
  }

  async function start(call: Call): Promise<Answer> {
    const { caller, user, head } = call;
    const { entry: word, detach, mail } = head;
    if (typeof word !== 'string' || word === '') return { head: garbled('entry', 'an entry') };
    if (startsNothing) return { head: refusal('failed', 'This cron starts nothing (-x test)') };
    // Whoever has just changed a crontab means it as it is now.
    await (isAll(call) ? crontabs.refresh() : crontabs.reload(user.name));
    const tabs = crontabs.tabs.filter((tab) => isAll(call) || tab.user === user.name);
    const choice = pickEntry(word, tabs, user.name);
    if (!choice.ok) return { head: unclear(word, choice, isAll(call) ? null : user.name) };
    const { tab, entry } = choice.value;
    const made = firingOf(tab.label, tab.user, entry, 'hand');
    const firing: Firing = {
      ...made,
      key: `${made.key}-${made.run}`,
      byHand: caller.name,
      ...(detach !== true && { watched: true }),
      ...(mail === false && { noMail: true }),
    };
    const busy = runners.jobs.find(({ identity }) => identity === firing.identity);
    if (firing.overlap === 'skip' && runners.isRunning(firing.identity)) {
      const who = busy === undefined ? '' : ` as ${busy.run}`;
      return {
        head: refusal('running', `It is still running${who}, and one instance at a time may`),
      };
    }
    note(caller, 'RUN', `${nameOf(choice.value)} by hand, as ${firing.run}`);
    if (detach !== true) return { head: MORE, parts: started(firing) };
    await runners.start([firing]);
    const { run: name, user: owner, command } = firing;
    return { head: { ok: true, run: name, owner, command: toText(command) } };
  }

  return { run: start, follow: followed, kill };
}

const MORE = { ok: true, more: true } as const;
/** So many runs that may be meant are told of. */
const TOLD = 10;

function isSignal(name: string): name is NodeJS.Signals {
  return Object.hasOwn(constants.signals, name);
}

function garbled(field: string, expected: string): Refusal {
  return refusal('garbled', `"${field}" must be ${expected}`);
}

/** Say which entries there are by that word. */
function unclear(word: string, choice: Choice & { ok: false }, only: string | null): Refusal {
  const { candidates, count } = choice;
  const whose = only === null ? '' : ` of ${only}`;
  if (count === 0) return refusal('none', `no entry${whose} is called "${word}"`);
  const told = candidates.map((picked): CandidateInfo => {
    const { tab, entry } = picked;
    return {
      name: nameOf(picked),
      user: toText(entry.user ?? '') || (tab.user ?? ''),
      command: toText(entry.command.slice(0, SHOWN)),
    };
  });
  const message = `"${word}" may be each of ${count} entries${whose}`;
  return { ...refusal('ambiguous', message), candidates: told };
}

/** Bytes of a command by which people recognise it. */
const SHOWN = 200;
