/** crontab FILE: a table of a file → checked, and put in force. */
import { fromBytes } from '../system/bytes.ts';
import { EXIT } from '../system/failure.ts';
import { readGiven } from './given.ts';
import { chooseUser, type Session } from './session.ts';
import { acceptTable } from './table.ts';
import { isWatched, tellNext } from './tell.ts';
import { say, undisturbed } from './terminal.ts';

/** Install the table of a file, or with `dryRun` only say whether that would do; the exit status. */
export async function replaceTable(
  { user, tables }: Session,
  file: string,
  dryRun: boolean,
): Promise<number> {
  const verdict = "errors in crontab file, can't install.";
  const table = acceptTable(await readGiven(file), { file, owner: user.name, verdict });
  if (table === null) return EXIT.FAILURE;
  if (dryRun) {
    say('The syntax of the crontab file was successfully checked.');
    return EXIT.OK;
  }
  const before = isWatched() ? await tables.read('change') : null;
  await undisturbed(() => tables.install(table));
  await tellNext(before, table, user.name);
  return EXIT.OK;
}

/** Check a file for whoever calls; cron.allow and the spool have no part in it. */
export async function checkFile(file: string, name: string | undefined): Promise<number> {
  const chosen = await chooseUser(name);
  if (chosen === null) return EXIT.FAILURE;
  const owner = chosen.user.name;
  // The words are cronie's, whose option this is.
  const verdict = 'Invalid crontab file. Syntax issues were found.';
  const given = await readGiven(file);
  const { warningsOf } = await import('./problems.ts');
  const warnings = warningsOf(fromBytes(given), owner);
  if (acceptTable(given, { file, owner, verdict, warnings }) === null) return EXIT.FAILURE;
  say('No syntax issues were found in the crontab file.');
  return EXIT.OK;
}
