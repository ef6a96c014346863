/** A user's table, in the hands of the cron that is running, or in the spool when none is. */
import { join } from 'node:path';
import { type Answer, ask, type Question } from '../control/client.ts';
import type { BackupInfo } from '../control/answers.ts';
import { type Refusal, SOCKET_NAME } from '../control/protocol.ts';
import type { TabOwner } from '../spool/store.ts';
import { EXIT, Failure } from '../system/failure.ts';

/** What a table is read for: the log tells it. A `change` is told when it is made; `whole` is a list with the header. */
export type Purpose = 'list' | 'whole' | 'edit' | 'change';

/** What crontab(1) does to the table of one user, and its log tells. Each throws a Failure. */
export interface Tables {
  /** Whether cron.allow and cron.deny let the user have one, by cron's word; null: no cron gives it. */
  permitted(): Promise<boolean | null>;
  /** The table; null: none. */
  read(purpose: Purpose): Promise<Buffer | null>;
  /**
   * Put a table in force in one step.
   * @param seen what the table was when the change began; if it no longer is, nothing is done
   * @returns false: the table was changed meanwhile
   */
  install(table: Buffer, seen?: Buffer | null): Promise<boolean>;
  /** Remove the table; false: there is none. */
  remove(): Promise<boolean>;
  /** The tables before this one, the newest first. */
  backups(): Promise<readonly BackupInfo[]>;
  /** One of them by its number; null: there is no such. */
  backup(number: number): Promise<Buffer | null>;
}

/** Whose table, and where it may be. */
export interface Whereabouts {
  readonly user: TabOwner;
  /** The user is who calls: cron knows them by their uid. */
  readonly isCaller: boolean;
  /** The run directory, in which cron listens. */
  readonly run: string;
  /** The spool itself, for who may write it; null: who calls may not. */
  readonly spool: () => Promise<Tables | null>;
}

/** Open a user's table. Each call asks cron anew: an editor may be open while cron is restarted. */
export function openTables({ user, isCaller, run, spool }: Whereabouts): Tables {
  const socket = join(run, SOCKET_NAME);
  const ours = isCaller ? undefined : user.name;

  /** Ask cron; if there is none, look into the spool. */
  async function either<T>(
    what: string,
    question: Question,
    use: (answer: Answer) => T,
    otherwise: (tables: Tables) => Promise<T>,
  ): Promise<T> {
    const answer = await ask(socket, { ...question, user: ours });
    if (answer !== null) return use(answer);
    const tables = await spool();
    if (tables !== null) return otherwise(tables);
    const problem = `Cannot ${what} the crontab of ${user.name}: cron is not running, and only root can do without; it would listen at "${socket}"`;
    throw new Failure(problem, { exit: EXIT.FAILURE });
  }

  return {
    async permitted() {
      const answer = await ask(socket, { request: 'backups', user: ours });
      return answer && (answer.ok || answer.error !== 'not-allowed');
    },
    read: (purpose) =>
      either(
        'read',
        { request: 'list', ...(purpose !== 'list' && { purpose }) },
        (answer) => (answer.ok ? answer.body : nothing(answer)),
        (tables) => tables.read(purpose),
      ),
    install: async (table, seen) =>
      either(
        'install',
        {
          request: 'install',
          body: table,
          ...(seen !== undefined && { seen: await digest(seen) }),
        },
        (answer) => answer.ok || lost(answer, 'changed'),
        (tables) => tables.install(table, seen),
      ),
    remove: () =>
      either(
        'remove',
        { request: 'remove' },
        (answer) => answer.ok || lost(answer, 'none'),
        (tables) => tables.remove(),
      ),
    backups: () =>
      either(
        'list the former tables of',
        { request: 'backups' },
        (answer) => (answer.ok ? (answer.backups ?? []) : refused(answer)),
        (tables) => tables.backups(),
      ),
    backup: (number) =>
      either(
        'read a former table of',
        { request: 'backup', number },
        (answer) => (answer.ok ? answer.body : nothing(answer)),
        (tables) => tables.backup(number),
      ),
  };
}

async function digest(table: Buffer | null): Promise<string> {
  if (table === null) return 'none';
  const { createHash } = await import('node:crypto');
  return createHash('sha256').update(table).digest('hex');
}

/** There is none, which is an answer too. */
function nothing(refusal: Refusal): null {
  return refusal.error === 'none' ? null : refused(refusal);
}

/** The one refusal that is an answer is `false`. */
function lost(refusal: Refusal, error: 'changed' | 'none'): false {
  return refusal.error === error ? false : refused(refusal);
}

function refused({ error, message, problems = [] }: Refusal): never {
  const lines = problems.map(
    ({ line, reason, message: cause }) => `line ${line}: ${reason}: ${cause}`,
  );
  const advice =
    error === 'version' ? '; restart cron, so that it is of the version of crontab' : '';
  const problem = `cron refuses: ${[`${message}${advice}`, ...lines].join('\n')}`;
  throw new Failure(problem, { exit: EXIT.FAILURE });
}
