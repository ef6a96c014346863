/** A test's own machine: a box with people, a mail system, Debian's own cron and ours in it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

const project = new URL('../../../', import.meta.url).pathname;
const mta = join(project, 'test/support/mta');

/** What every program in a box gets for its environment, and nothing of ours. */
const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
};

/**
 * The options of a test that needs a box: it is skipped where there can be none, and says why.
 * With CI=true nothing is skipped: there the test fails.
 */
export const boxed: { skip: string | false; timeout: number } = {
  skip: process.env['CI'] === 'true' ? false : whyNoBox(),
  timeout: 240_000,
};

function whyNoBox(): string | false {
  if (process.getuid?.() !== 0) return 'needs root, for namespaces and other users';
  const tried = spawnSync(mta, ['none', '--', 'true'], { encoding: 'utf8' });
  return tried.status === 0 ? false : `needs namespaces and overlayfs: ${tried.stderr.trim()}`;
}

export interface Box {
  /** Run a shell command as root to its end, and return what it printed; it must succeed. */
  readonly run: (command: string) => Promise<string>;
  /** Start a program that goes on; it ends with the box at the latest. */
  start(argv: readonly string[], options?: StartOptions): Program;
  /** Write a file, making its folder. */
  readonly write: (
    path: string,
    content: string | Buffer,
    owner?: string,
    mode?: number,
  ) => Promise<void>;
  /** Read a file byte for byte, or nothing when there is none. */
  readonly read: (path: string) => Promise<string>;
  /** Name what a folder holds, or nothing when there is none. */
  list(path: string): Promise<string[]>;
}

export interface StartOptions {
  readonly env?: Record<string, string>;
  /** A descriptor that is open in the program besides the first three, on /dev/null. */
  readonly descriptor?: number;
}

export interface Program {
  /** Everything that it has written to its two outputs so far. */
  output(): string;
  /** Its exit status, when it has one. */
  status(): number | null;
}

/** What `mta` can put into a box. */
export type MailSystemName =
  | 'none'
  | 'cron-sendmail'
  | 'readers'
  | 'postfix'
  | 'exim4'
  | 'sendmail'
  | 'opensmtpd'
  | 'dma'
  | 'msmtp'
  | 'ssmtp'
  | 'nullmailer'
  | 'mailutils'
  | 'bsd-mailx'
  | 's-nail';

export interface BoxOptions {
  readonly mail?: MailSystemName;
  /** Names of Debian packages, to be found unpacked nowhere, but as files in /debs. */
  readonly packages?: readonly string[];
}

/** Open a box for a test; it is gone when the test is. The project is in /src, and this Node in /usr/local/bin. */
export async function openBox(t: TestContext, options: BoxOptions = {}): Promise<Box> {
  const binds = [
    ['--bind', `${project}:/src`],
    ['--bind', `${process.execPath}:/usr/local/bin/node`],
    ['--bind', `${join(project, 'test/system/recorder')}:/opt/recorder`],
    ['--bind', `${join(project, 'test/support/docker')}:/opt/docker`],
    options.packages ? ['--bind', `${await download(t, options.packages)}:/debs`] : [],
  ].flat();
  return holdBox(t, [mta, options.mail ?? 'none', ...binds], 'BOX_PID');
}

/** Let a command open a box that tells its pid in a variable, and hold it open until the test is over. */
export async function holdBox(
  t: TestContext,
  [opener = '', ...args]: readonly string[],
  variable: string,
): Promise<Box> {
  // The box lasts as long as the pipe to its `cat`: whatever ends this process ends the box too.
  const hold = ['--', 'sh', '-c', `echo $${variable}; exec cat`];
  const box = spawn(opener, [...args, ...hold], {
    env: ENVIRONMENT,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = once(box, 'close');
  t.after(async () => {
    box.stdin.end();
    await ended;
  });
  let said = '';
  box.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  box.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const pid = await until('the box is open', () => {
    assert.equal(box.exitCode, null, `The box did not open: ${said}`);
    return /^(\d+)\n/m.exec(said)?.[1];
  });

  const inside = (path: string): string => join(`/proc/${pid}/root`, path);
  const enter = ['--all', '-t', pid, '--'];
  return {
    async run(command) {
      const shell = spawn('nsenter', [...enter, 'sh', '-ec', command], {
        env: ENVIRONMENT,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const chunks: Buffer[] = [];
      shell.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
      shell.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
      await once(shell, 'close');
      const output = Buffer.concat(chunks).toString();
      assert.equal(shell.exitCode, 0, `${command}\n${output}`);
      return output;
    },
    start(argv, { env = {}, descriptor = '' } = {}) {
      const service = ['bash', '-c', AS_A_SERVICE, `${descriptor}`, ...argv];
      const program = spawn('nsenter', [...enter, ...service], {
        env: { ...ENVIRONMENT, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      return follow(program);
    },
    async write(path, content, owner = 'root', mode = 0o644) {
      const [uid, gid] = ids(await readFile(inside('/etc/passwd'), 'utf8'), owner);
      await mkdir(dirname(inside(path)), { recursive: true });
      await writeFile(inside(path), content);
      await chown(inside(path), uid, gid);
      await chmod(inside(path), mode);
    },
    read: (path) => readFile(inside(path), 'latin1').catch(() => ''),
    list: (path) => readdir(inside(path)).catch(() => []),
  };
}

/**
 * What a service manager sees to: Node raises the soft limit of open files to the hard one, and whoever started the
 * tests may have left descriptors open that Node hands on. A descriptor that is wanted is named by $0.
 */
const AS_A_SERVICE = `
  ulimit -Sn 1024
  for fd in /proc/$$/fd/*; do
    fd=\${fd##*/}
    if ((fd > 2)); then eval "exec $fd>&-"; fi
  done
  if [ -n "$0" ]; then eval "exec $0< /dev/null"; fi
  exec env -u PWD -u OLDPWD -u SHLVL -u _ "$@"`;

function follow(child: ChildProcess): Program {
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return { output: () => output, status: () => child.exitCode };
}

function ids(passwd: string, name: string): [uid: number, gid: number] {
  const [, uid, gid] = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm').exec(passwd) ?? [];
  assert.ok(uid !== undefined && gid !== undefined, `There is no user "${name}" in the box`);
  return [Number(uid), Number(gid)];
}

/** Fetch Debian's own packages, without installing them, into a folder that goes with the test. */
async function download(t: TestContext, names: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'debs-'));
  t.after(() => rm(folder, { recursive: true }));
  const apt = follow(
    spawn('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', ...names], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const status = await until('the packages are there', () => apt.status() ?? undefined);
  assert.equal(status, 0, `apt-get download: ${apt.output()}`);
  return folder;
}

/** Wait for a fact; never for a time. What there is to see goes with the complaint that it did not come. */
export async function until<T>(
  what: string,
  fact: () => T | undefined | Promise<T | undefined>,
  evidence: () => string | Promise<string> = () => '',
): Promise<T> {
  const limit = Date.now() + 100_000; // a minute must be able to begin and its jobs to end
  for (;;) {
    const found = await fact();
    if (found !== undefined) return found;
    if (Date.now() > limit) assert.fail(`Not so after 100 s: ${what}\n${await evidence()}`);
    await pause(25);
  }
}
