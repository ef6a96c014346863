/** Who calls crontab(1), for whose table, and whether they may. */
import { isAbsolute } from 'node:path';
import { access } from '../spool/access.ts';
import { type Crontabs, spoolCrontabs, type TabOwner } from '../spool/store.ts';
import { type Config, readConfig } from '../system/config.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { getpwnam, getpwuid, type Passwd } from '../system/libc.ts';
import { type Log, openSink, plainLog } from '../system/sink.ts';
import { say } from './terminal.ts';

/** One call of crontab(1) by somebody who may. */
export interface Session {
  /** The table's user. */
  readonly user: TabOwner;
  readonly crontabs: Crontabs;
  /** Log an event of Debian's client, such as `(root) LIST (alice)`. */
  readonly log: (event: string) => void;
}

const ROOT = 0;

/** Find out whose table is meant: the caller's, or of `-u` for root. Null: no, and it has been said. */
export async function chooseUser(
  name: string | undefined,
): Promise<{ caller: Passwd; user: Passwd } | null> {
  const caller = getpwuid(process.getuid?.() ?? -1);
  if (caller === null)
    throw new Failure("your UID isn't in the passwd file.\nbailing out.", { exit: EXIT.FAILURE });
  if (name === undefined) return { caller, user: caller };
  const user = await getpwnam(name);
  // Two blanks behind the program's name, as vixie has it.
  if (user === null) throw new Failure(` user \`${name}' unknown`, { exit: EXIT.FAILURE });
  if (caller.uid === ROOT || caller.uid === user.uid) return { caller, user };
  say('must be privileged to use -u');
  return null;
}

/** Open a session for `user`, of `-u` or nobody in particular. Null: refused, and it has been said. */
export async function openSession(
  options: ReadonlyMap<string, string>,
  configFile: string | undefined,
): Promise<Session | null> {
  const chosen = await chooseUser(options.get('u'));
  if (chosen === null) return null;
  const { caller, user } = chosen;
  const { paths, log: logging } = readConfig({ config: configFile }, process.env);
  const log = clientLog(logging);
  const { allowed, trouble } = access(user.name, paths);
  if (trouble !== undefined) say(trouble);
  if (allowed)
    return {
      user,
      crontabs: spoolCrontabs(paths.spool),
      log: (event) => log(caller.name, event, user.name),
    };
  if (caller.uid === ROOT) {
    say(`The user ${user.name} cannot use this program (crontab)`);
    return null;
  }
  say(`You (${user.name}) are not allowed to use this program (crontab)`);
  say('See crontab(1) for more information');
  log(caller.name, 'AUTH', 'crontab command not allowed');
  return null;
}

/** Log where the daemon does, if that is a file one may write; else to syslog, in silence without. */
function clientLog({ to, format }: Config['log']): Log {
  if (isAbsolute(to)) {
    try {
      return plainLog(openSink({ to: { file: to }, format }), 'crontab');
    } catch {
      // An ordinary user's client, and root's log.
    }
  }
  return plainLog(openSink({ to: 'syslog', format, silent: true }), 'crontab');
}
