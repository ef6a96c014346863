/** crontab -e: a user's table → the editor → the spool; what cannot be installed stays in a file. */
import { EXIT, Failure } from '../system/failure.ts';
import { createDraft, type Draft } from './editor.ts';
import type { Session } from './session.ts';
import { acceptTable } from './table.ts';
import { tellNext } from './tell.ts';
import { ask, say, undisturbed } from './terminal.ts';

/** What stands in a table that is not there yet; nothing is installed unless it is changed. */
const EMPTY_TABLE = `\
# Edit this file to introduce tasks to be run by cron.
#
# Each line holds five fields that say when a command is run, and the command:
# minute (0-59), hour (0-23), day of month (1-31), month (1-12 or jan-dec),
# day of week (0-7 or sun-sat; 0 and 7 are Sunday); "*" is every one.
#
# What a command prints is sent by mail to the owner of this table, or to the
# addresses of a line MAILTO=... above it. A "%" ends the command: write "\\%".
#
# Every Monday at 5:00 a backup of the home directories, for example:
# 0 5 * * 1 tar -zcf /var/backups/home.tgz /home/
#
# More is in crontab(5) and cron(8).
#
# m h  dom mon dow   command
`;

/** Edit the session's table; returns the exit status. */
export async function editTable(session: Session): Promise<number> {
  const { user, tables, log } = session;
  const seen = await tables.read('edit');
  if (seen === null) say(`no crontab for ${user.name} - using an empty one`);
  const given = seen ?? Buffer.from(EMPTY_TABLE);
  const draft = createDraft(given, process.env);
  const outcome = await editDraft(session, draft, given, seen);
  if (outcome === 'left') say(`crontab: edits left in ${draft.file}`);
  else draft.discard();
  if (outcome !== 'aborted') await log('END EDIT');
  return outcome === 'done' ? EXIT.OK : EXIT.FAILURE;
}

/** `left`: the draft holds work that is installed nowhere; `aborted`: it holds none. */
type Outcome = 'done' | 'left' | 'aborted';

async function editDraft(
  session: Session,
  draft: Draft,
  given: Buffer,
  seen: Buffer | null,
): Promise<Outcome> {
  for (;;) {
    try {
      await draft.edit();
      const edited = draft.read();
      if (edited.equals(given)) {
        say('No modification made');
        return 'done';
      }
      say('crontab: installing new crontab');
      const table = acceptTable(edited, {
        file: draft.file,
        owner: session.user.name,
        verdict: "errors in crontab file, can't install.",
        edited: true,
      });
      if (table !== null) return await install(session, draft, table, seen);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      say(`crontab: ${error.message}`);
      return isUntouched(draft, given) ? 'aborted' : 'left';
    }
    const question = 'Do you want to retry the same edit? (y/n) ';
    if (!ask(question, `Enter Y or N\n${question}`)) return 'left';
  }
}

async function install(
  { user, tables }: Session,
  draft: Draft,
  table: Buffer,
  seen: Buffer | null,
): Promise<Outcome> {
  if (await undisturbed(() => tables.install(table, seen))) {
    await tellNext(seen, table, user.name);
    return 'done';
  }
  const file = shellWord(draft.file);
  say(
    `crontab: the crontab of ${user.name} was changed by somebody else meanwhile, not installed\n` +
      `crontab: to compare: crontab -l | diff - ${file}; to install yours all the same: crontab ${file}`,
  );
  return 'left';
}

/** A file's name as it can be handed to a shell. */
function shellWord(file: string): string {
  return /^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", String.raw`'\''`)}'`;
}

function isUntouched(draft: Draft, given: Buffer): boolean {
  try {
    return draft.read().equals(given);
  } catch {
    return false;
  }
}
