import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { withoutHeader } from '../../src/spool/header.ts';
import { me } from '../support/sandbox.ts';

export const program = new URL('../../../bin/crontab', import.meta.url).pathname;
export const NOBODY = 65534;

export interface Call {
  readonly input?: string | Buffer;
  readonly env?: NodeJS.ProcessEnv;
  readonly asNobody?: boolean;
}

export interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** A cron of one's own: its directories, its configuration, and crontab(1) for it. */
export interface OwnCron {
  readonly root: string;
  readonly spool: string;
  /** Where drafts are made. */
  readonly tmp: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly crontab: (args: readonly string[], call?: Call) => Outcome;
  /** `crontab -e` with an editor that is shell text and finds the file in "$1". */
  readonly edit: (editor: string, call?: Call) => Outcome;
  readonly file: (name: string, content: string | Buffer) => string;
  /** The table in force, without its header; null: none. */
  readonly table: (user?: string) => string | null;
  /** The lines of the log, such as `(root) LIST (root)`. */
  readonly events: () => string[];
}

/** Make a cron that belongs to a user; without one, to who runs the test. */
export function ownCron(t: TestContext, owner?: number): OwnCron {
  const root = mkdtempSync(join(tmpdir(), 'crontab-test-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const spool = join(root, 'spool');
  const tmp = join(root, 'tmp');
  mkdirSync(spool, { mode: 0o700 });
  mkdirSync(tmp);
  chmodSync(root, 0o755);
  if (owner !== undefined) for (const path of [root, spool, tmp]) chownSync(path, owner, owner);
  const file = (name: string, content: string | Buffer): string => {
    writeFileSync(join(root, name), content);
    return join(root, name);
  };
  // No cron listens in `run`: the spool is written directly.
  const names = ['allow', 'deny', 'run', 'state'] as const;
  const others = names.map((name) => [name, join(root, name)] as const);
  const paths = { spool, ...Object.fromEntries(others) };
  const lines = Object.entries(paths).map(([key, path]) => `${key} = "${path}"\n`);
  const log = join(root, 'log');
  const config = file('cron.toml', `[paths]\n${lines.join('')}[log]\nto = "${log}"\n`);
  const environment = { PATH: process.env['PATH'], CRON_CONFIG: config, TMPDIR: tmp };
  const crontab: OwnCron['crontab'] = (args, { input = '', env, asNobody = false } = {}) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
      cwd: root,
      input,
      env: { ...environment, ...env },
      encoding: 'latin1',
      timeout: 30_000,
      maxBuffer: 64 * 1024 * 1024,
      ...(asNobody ? { uid: NOBODY, gid: NOBODY } : {}),
    });
    return { status, out: stdout, err: stderr };
  };
  return {
    root,
    spool,
    tmp,
    environment,
    file,
    crontab,
    edit: (editor, call) =>
      crontab(['-e'], { ...call, env: { EDITOR: `edit() { ${editor}\n}; edit`, ...call?.env } }),
    table(user = me) {
      const path = join(spool, user);
      return existsSync(path) ? withoutHeader(readFileSync(path)).toString('latin1') : null;
    },
    events() {
      const logged = existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1) : [];
      return logged.map((line) => line.replace(/^.* crontab\[\d+\]: /, ''));
    },
  };
}
