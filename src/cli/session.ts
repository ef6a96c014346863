/** Who calls crontab(1), for whose table, and whether they may. */
import { userInfo } from 'node:os';
import { access, type AccessLists } from '../spool/access.ts';
import type { TabOwner } from '../spool/store.ts';
import { configuration } from '../system/defaults.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { openTables, type Tables } from './tables.ts';
import { say } from './terminal.ts';

/** One call of crontab(1) by somebody who may. */
export interface Session {
  /** The table's user. */
  readonly user: TabOwner;
  readonly tables: Tables;
  /** Log an event of Debian's client that cron does not see. */
  readonly log: (event: string) => Promise<void>;
}

const ROOT = 0;

/** Find out whose table is meant: the caller's, or of `-u` for root. Null: no, and it has been said. */
export async function chooseUser(
  name: string | undefined,
): Promise<{ caller: TabOwner; user: TabOwner } | null> {
  const caller = whoCalls();
  if (name === undefined || name === caller.name) return { caller, user: caller };
  // Loaded only here: for one's own table nobody else need be looked up.
  const { getpwnam } = await import('../system/libc/names.ts');
  const user = await getpwnam(name);
  // Two blanks behind the program's name, as vixie has it.
  if (user === null) throw new Failure(` user \`${name}' unknown`, { exit: EXIT.FAILURE });
  if (caller.uid === ROOT || caller.uid === user.uid) return { caller, user };
  say('must be privileged to use -u');
  return null;
}

function whoCalls(): TabOwner {
  try {
    const { username, uid } = userInfo();
    return { name: username, uid };
  } catch (error) {
    const problem = "your UID isn't in the passwd file.\nbailing out.";
    throw new Failure(problem, { exit: EXIT.FAILURE, cause: error });
  }
}

/** Open a session for `user`, of `-u` or nobody in particular. Null: refused, and it has been said. */
export async function openSession(
  options: ReadonlyMap<string, string>,
  configFile: string | undefined,
): Promise<Session | null> {
  const chosen = await chooseUser(options.get('u'));
  if (chosen === null) return null;
  const { caller, user } = chosen;
  const { paths, log: logging } = await configuration({ config: configFile }, process.env);
  const log = async (who: string, event: string, detail: string): Promise<void> => {
    const { clientLog } = await import('./clientlog.ts');
    clientLog(logging)(who, event, detail);
  };
  const logEvent = (event: string): Promise<void> => log(caller.name, event, user.name);
  async function openSpool(): Promise<Tables | null> {
    const { directTables, mayWrite } = await import('./direct.ts');
    return mayWrite(paths.spool) ? directTables(paths, user, logEvent) : null;
  }
  // Decided once: a spool that goes while an editor is open is a failure with a name of its own.
  let spool: Promise<Tables | null> | undefined;
  const tables = openTables({
    user,
    isCaller: user.name === caller.name,
    run: paths.run,
    spool: () => (spool ??= openSpool()),
  });
  const verdict = await judge(user, paths, tables);
  if (verdict === 'allowed') return { user, tables, log: logEvent };
  if (caller.uid === ROOT) {
    say(`The user ${user.name} cannot use this program (crontab)`);
    return null;
  }
  say(`You (${user.name}) are not allowed to use this program (crontab)`);
  say('See crontab(1) for more information');
  if (verdict === 'refused') await log(caller.name, 'AUTH', 'crontab command not allowed');
  return null;
}

/** Decide as cron will, which has the last word; a list that the caller cannot read, cron can. */
async function judge(
  { name }: TabOwner,
  lists: AccessLists,
  tables: Tables,
): Promise<'allowed' | 'refused' | 'refused by cron'> {
  const { allowed, trouble } = access(name, lists);
  if (trouble === undefined) return allowed ? 'allowed' : 'refused';
  const permitted = await tables.permitted();
  if (permitted === null) say(trouble);
  if (permitted === false) return 'refused by cron'; // and logged by it
  return permitted === true ? 'allowed' : 'refused';
}
