/** What is asked over the control socket about runs that are over → what the history knows of them. */
import type { Answer, Call, Part } from '../control/desk.ts';
import { isPrivileged } from '../control/permit.ts';
import type { RunInfo } from '../control/answers.ts';
import { type Refusal, refusal, type RequestHead } from '../control/protocol.ts';
import type { Query } from '../history/store.ts';
import { takingTurns } from '../mail/turns.ts';
import { EXIT, Failure, reason } from '../system/failure.ts';
import type { RunRecord } from '../system/record.ts';
import type { History } from './history.ts';

/** The history, and whose it is. */
export interface ArchiveTools {
  readonly history: Pick<History, 'list' | 'find' | 'trouble'>;
  /** The daemon's uid. */
  readonly daemon: number;
}

/** Runs that are told of at most, and if nothing is said of how many. */
const MOST = 100_000;
const USUAL = 100;
/** Runs that are told of in one part. */
const PAGE = 200;
/** So many ask the history at the same time, each caller once: its own batches must find room. */
const AT_ONCE = 8;

/** Answer: users are told of their own runs, root of all. */
export function archiveAnswers({
  history,
  daemon,
}: ArchiveTools): Readonly<Record<'history' | 'log', (call: Call) => Promise<Answer>>> {
  const inTurn = takingTurns(AT_ONCE);
  const whose = ({ head, caller, user }: Call): string | null =>
    head.user === undefined && isPrivileged(caller, daemon) ? null : user.name;
  const look = async <T>({ caller }: Call, work: () => Promise<T>): Promise<T> => {
    try {
      return await inTurn(`${caller.uid}`, work);
    } catch (error) {
      const [why = ''] = reason(error).split('\n', 1);
      throw new Failure(`The history cannot be read: ${why}`, { exit: EXIT.FAILURE });
    }
  };

  /** Page after page, the latest runs first; an answer without `more` ends it. */
  async function* pages(call: Call, query: Query, first: readonly RunRecord[]): Pages {
    let left = query.limit;
    for (let runs = first; ;) {
      left -= runs.length;
      const before = runs.at(-1)?.run;
      const isLast = before === undefined || runs.length < PAGE || left <= 0;
      const told = { ok: true, runs: runs.map(infoOf) } as const;
      if (isLast) {
        const { trouble } = history;
        yield { head: { ...told, ...(trouble !== '' && { trouble }) } };
        return;
      }
      yield { head: { ...told, more: true } };
      try {
        const rest = { ...query, before, limit: Math.min(left, PAGE) };
        runs = await look(call, () => history.list(rest));
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        yield { head: refusal('failed', error.message) };
        return;
      }
    }
  }

  return {
    async history(call) {
      const query = queryOf(call.head, whose(call));
      if ('error' in query) return { head: query };
      const limit = Math.min(query.limit, PAGE);
      const first = await look(call, () => history.list({ ...query, limit }));
      return { head: { ok: true, more: true }, parts: pages(call, query, first) };
    },
    async log(call) {
      const { run } = call.head;
      if (typeof run !== 'string' || run === '')
        return { head: garbled('run', 'the name of a run') };
      const { runs = [], output } = await look(call, () => history.find(run, whose(call)));
      const [found, ...others] = runs;
      if (found === undefined) return { head: refusal('none', `there is no run "${run}"`) };
      if (others.length > 0) return { head: unclear(run, runs) };
      const body = Buffer.from(output ?? []);
      return { head: { ok: true, found: infoOf(found), kept: output !== null }, body };
    },
  };
}

type Pages = AsyncGenerator<Part | null, void>;

function queryOf(
  { since, failed = false, limit = USUAL }: RequestHead,
  user: string | null,
): Query | Refusal {
  const from = typeof since === 'string' ? Date.parse(since) : NaN;
  if (since !== undefined && Number.isNaN(from))
    return garbled('since', 'an instant as ISO 8601 has it');
  if (typeof failed !== 'boolean') return garbled('failed', 'true or false');
  if (typeof limit !== 'number' || !Number.isSafeInteger(limit) || limit < 1 || limit > MOST)
    return garbled('limit', `a number from 1 to ${MOST}`);
  return { user, failed, limit, ...(since !== undefined && { since: from }) };
}

/** Say which runs begin so: the first ones. */
function unclear(word: string, runs: readonly RunRecord[]): Refusal {
  const candidates = runs.slice(0, SHOWN).map(({ run, user, command }) => {
    return { name: run, user, command };
  });
  const count = runs.length > SHOWN ? `more than ${SHOWN}` : `${runs.length}`;
  return { ...refusal('ambiguous', `"${word}" may be each of ${count} runs`), candidates };
}

const SHOWN = 10;

/** Tell of a run. */
export function infoOf(record: RunRecord): RunInfo {
  const { run, user, command, crontab, line, scheduled, byHand, outcome, signal } = record;
  const { started, ended, code, timedOut, bytes, mail, later, cpu, memory } = record;
  const { fate = 'outbox', at = null } = later ?? {};
  return {
    run,
    user,
    command,
    crontab,
    line,
    scheduled,
    byHand,
    started: iso(started),
    ended: iso(ended),
    outcome,
    exit: code,
    signal,
    timedOut,
    bytes,
    mail,
    mailLater: fate === 'outbox' ? null : fate,
    mailLaterAt: iso(fate === 'outbox' ? null : at),
    cpu: cpu === null ? null : cpu / 1000,
    memory: memory === null ? null : memory * 1024,
  };
}

function iso(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

function garbled(field: string, expected: string): Refusal {
  return refusal('garbled', `"${field}" must be ${expected}`);
}
