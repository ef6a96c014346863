/** Where crontabs are asked for → the crontabs, as the daemon would have them. */
import { hostname, userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { isUserTab } from '../spool/names.ts';
import { Places } from '../spool/places.ts';
import { parseTab, type Place, readTab, type Tab } from '../spool/tab.ts';
import { fromBytes } from '../system/bytes.ts';
import type { Config } from '../system/config.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { getpwnam } from '../system/libc/names.ts';
import { readGiven } from './given.ts';
import { say } from './terminal.ts';

/** The end of what is said of a file that is not there. */
const ABSENT = 'no such file or directory';

/** Which crontabs are meant. */
export type Choice =
  | { readonly of: 'file'; readonly file: string; readonly isSystem: boolean }
  | { readonly of: 'user'; readonly user: string }
  | { readonly of: 'all' };

/** Read them; what is not in force is said, or fails if it alone was asked for. */
export async function readTabs(
  choice: Choice,
  paths: () => Promise<Config['paths']>,
): Promise<Tab[]> {
  switch (choice.of) {
    case 'file':
      return [await readFile(choice.file, choice.isSystem)];
    case 'user':
      return [await readUser(choice.user, await paths())];
    case 'all':
      return readAll(await paths());
    default:
      return choice satisfies never;
  }
}

async function readFile(file: string, isSystem: boolean): Promise<Tab> {
  const text = fromBytes(await readGiven(file));
  const { username } = userInfo();
  const label = isSystem ? systemLabel(file) : username;
  const place = { label, path: file, shown: file, user: isSystem ? null : username };
  const tab = parseTab(place, text, hostname());
  const errors = tab.problems.filter(({ severity }) => severity === 'error').length;
  if (errors > 0)
    say(`cronctl: ${file} has errors, which "cronctl check" tells: these lines never start`);
  return tab;
}

/** As Places has it: random choices are drawn from it. */
function systemLabel(file: string): string {
  return basename(file) === 'crontab' ? '*system*' : `*system*${basename(file)}`;
}

async function readUser(name: string, { spool }: Config['paths']): Promise<Tab> {
  if (!isUserTab(name)) throw new Failure(`"${name}" is no user`, { exit: EXIT.NO_USER });
  const passwd = await getpwnam(name);
  if (passwd === null) throw new Failure(`user "${name}" unknown`, { exit: EXIT.NO_USER });
  const place = { label: name, path: join(spool, name), shown: join(spool, name), user: name };
  const reading = readTab(place, [0, passwd.uid]);
  if (reading.ok) return parseTab(place, reading.text, hostname());
  if (reading.detail.endsWith(ABSENT))
    throw new Failure(`no crontab for ${name}`, { exit: EXIT.FAILURE });
  throw new Failure(`${reading.event} (${reading.detail})`, { exit: EXIT.FAILURE });
}

/** All crontabs that the daemon would take and the caller may read; of the others it is said why not. */
async function readAll(paths: Config['paths']): Promise<Tab[]> {
  const places = new Places(paths, { onlyUser: null, lsb: false }, (_, event, detail) => {
    if (!detail.endsWith(ABSENT)) say(`cronctl: ${event} (${detail})`);
  });
  const tabs: Tab[] = [];
  for (const place of places.list()) {
    const reading = readTab(place, await ownersOf(place));
    if (reading.ok) tabs.push(parseTab(place, reading.text, hostname()));
    else say(`cronctl: ${reading.event} (${reading.detail})`);
  }
  return tabs;
}

/** Whose file it may be: root's, of a daemon that is not root's its user's, and the user's. */
async function ownersOf({ user }: Place): Promise<number[]> {
  const passwd = user === null ? null : await getpwnam(user);
  return [0, process.getuid?.() ?? 0, ...(passwd === null ? [] : [passwd.uid])];
}
