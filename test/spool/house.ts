import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Database, type DatabaseOptions, openDatabase } from '../../src/spool/database.ts';
import type { Paths } from '../../src/spool/places.ts';
import type { User } from '../../src/system/users.ts';

export const UID = process.getuid?.() ?? -1;

/** What the user database says of a name; a promise answers when it likes. */
type Answer = number | null | Error | Promise<number | null>;

/** Directories for crontabs, a log that keeps its lines, and people who are only names. */
export interface House {
  readonly root: string;
  readonly paths: Paths;
  /** Lines as `(WHO) EVENT (DETAIL)` since the last look. */
  lines(): string[];
  readonly people: Map<string, Answer>;
  /** Write a crontab, as one that passes the checks unless a mode is given. */
  tab(name: string, text: string, mode?: number): string;
  cronD(name: string, text: string, mode?: number): string;
  /** Open a database of root's daemon, whoever runs the test; options differ. */
  open(options?: Partial<DatabaseOptions>): Database;
}

export function house(t: TestContext): House {
  const root = mkdtempSync(join(tmpdir(), 'spool-test-'));
  chmodSync(root, 0o711); // for `forbidden`
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const paths = {
    spool: join(root, 'crontabs'),
    cron_d: join(root, 'cron.d'),
    system_crontab: join(root, 'crontab'),
  };
  mkdirSync(paths.spool);
  mkdirSync(paths.cron_d);
  write(paths.system_crontab, '', 0o644);
  let lines: string[] = [];
  const people = new Map<string, Answer>([
    ['alice', UID],
    ['bob', UID],
  ]);
  return {
    root,
    paths,
    people,
    lines() {
      const seen = lines;
      lines = [];
      return seen;
    },
    tab: (name, text, mode = 0o600) => write(join(paths.spool, name), text, mode),
    cronD: (name, text, mode = 0o644) => write(join(paths.cron_d, name), text, mode),
    open: (options) =>
      openDatabase(paths, {
        uid: 0,
        user: 'root',
        hostname: 'box',
        log(who, event, detail) {
          // An ordinary user cannot make an /etc/crontab of root's: not what is tested then.
          if (who !== '*system*' || UID === 0) lines.push(`(${who}) ${event} (${detail})`);
        },
        users: { find: (name) => find(people.get(name) ?? null, name) },
        ...options,
      }),
  };
}

/** Do something as an ordinary user, with a directory of theirs that has another mode meanwhile. */
export async function forbidden(
  directory: string,
  mode: number,
  work: () => Promise<void>,
): Promise<void> {
  const NOBODY = 65534;
  if (UID === 0) chownSync(directory, NOBODY, NOBODY);
  chmodSync(directory, mode);
  if (UID === 0) process.seteuid?.(NOBODY);
  try {
    await work();
  } finally {
    if (UID === 0) process.seteuid?.(0);
    chmodSync(directory, 0o700);
  }
}

function write(path: string, text: string, mode: number): string {
  writeFileSync(path, text, 'latin1');
  chmodSync(path, mode);
  return path;
}

async function find(answer: Answer, name: string): Promise<User | null> {
  if (answer instanceof Error) throw answer;
  const uid = await answer;
  return uid === null ? null : { name, uid, gid: uid, home: '/', shell: '/bin/sh', groups: [uid] };
}
