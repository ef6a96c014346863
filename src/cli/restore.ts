/** crontab --backups and --restore: the tables that were in force before → stdout, or in force again. */
import { EXIT, Failure } from '../system/failure.ts';
import { localTime } from './lines.ts';
import { printTable } from './list.ts';
import type { Session } from './session.ts';
import { acceptTable } from './table.ts';
import { tellNext } from './tell.ts';
import { print, say, undisturbed } from './terminal.ts';

/** List the former tables, the last one first; returns the exit status. */
export async function listBackups({ user, tables }: Session): Promise<number> {
  const backups = await tables.backups();
  const lines = backups.map(
    ({ number, at, size }) => `${number}`.padStart(2) + `  until ${instant(at)}  ${size} bytes\n`,
  );
  if (lines.length === 0) {
    say(`no former crontab of ${user.name} is kept`);
    return EXIT.FAILURE;
  }
  return (await print(Buffer.from(lines.join('')))) ? EXIT.OK : EXIT.FAILURE;
}

/** List one of them, as `-l` would; returns the exit status. */
export async function showBackup(session: Session, number: number): Promise<number> {
  return printTable(await readBackup(session, number), session.user.name);
}

/** Put a former table in force; the one in force becomes the first of the former ones. */
export async function restoreTable(session: Session, number: number): Promise<number> {
  const { user, tables } = session;
  const former = await readBackup(session, number);
  const until = (await tables.backups()).find((backup) => backup.number === number)?.at;
  const seen = await tables.read('change');
  if (seen?.equals(former) === true) {
    say(`crontab: the crontab of ${user.name} is that one already`);
    return EXIT.OK;
  }
  const table = acceptTable(former, {
    file: `former crontab ${number}`,
    owner: user.name,
    verdict: `errors in a former crontab, can't install; crontab --backups ${number} shows it.`,
    edited: true,
  });
  if (table === null) return EXIT.FAILURE;
  if (!(await undisturbed(() => tables.install(table, seen)))) {
    const problem = `Cannot restore the crontab of ${user.name}: somebody else changed it this moment; try again`;
    throw new Failure(problem, { exit: EXIT.FAILURE });
  }
  const when = until === undefined ? '' : ` that was in force until ${instant(until)}`;
  const back = seen === null ? '' : '; crontab --restore takes this back';
  say(`crontab: restored the crontab of ${user.name}${when}${back}`);
  await tellNext(seen, table, user.name);
  return EXIT.OK;
}

async function readBackup({ user, tables }: Session, number: number): Promise<Buffer> {
  const former = await tables.backup(number);
  if (former !== null) return former;
  const problem = `There is no former crontab ${number} of ${user.name}; crontab --backups lists those that are kept`;
  throw new Failure(problem, { exit: EXIT.FAILURE });
}

/** As cron tells it, in ISO 8601. */
function instant(iso: string): string {
  const at = Date.parse(iso);
  return Number.isNaN(at) ? iso : localTime(at);
}
