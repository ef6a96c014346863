/** A private root with a configuration, a spool and a recorder in place of sendmail; all of it goes with the test. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startTime } from '../../src/system/process.ts';
import { until } from './wait.ts';

const project = new URL('../../../', import.meta.url).pathname;

/** The user who runs the tests. */
export const me = userInfo().username;
export const isRoot = process.getuid?.() === 0;

/** For tests that only root can run. */
export const needsRoot: Needs = { skip: isRoot ? false : 'needs root' };

/**
 * A test of what an ordinary user sees. As root it is not skipped, it is not there: .ci/run runs
 * the whole suite a second time as an ordinary user.
 */
export function userTest(name: string, body: (t: TestContext) => void | Promise<void>): void {
  if (!isRoot) void test(name, body); // node:test waits for it
}

/** Options of a test: why it cannot be run here. */
export interface Needs {
  readonly skip: string | false;
}

/** What the recorder was given. */
export interface Mail {
  readonly argv: readonly string[];
  readonly uid: number;
  readonly groups: readonly number[];
  readonly environment: Readonly<Record<string, string>>;
  /** Standard input; head and body are byte strings. */
  readonly bytes: Buffer;
  readonly head: string;
  readonly body: string;
}

/** What the recorder does: reads so many bytes, prints, then ends so. */
export interface Behaviour {
  readonly read?: 'all' | number;
  readonly say?: string;
  /** An exit status, or a shell command such as `exec sleep 600`. */
  readonly end?: number | string;
}

/** A program of ours that has ended. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program of ours that is running. */
export interface Started {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
}

/** Settings by section and key, to go into the configuration. */
export type Settings = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface StartOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Where the package is, if it is a copy that is meant. */
  readonly home?: string;
  /** A program with its options that starts it, such as unshare(1). */
  readonly within?: readonly string[];
  /** Options of Node itself. */
  readonly node?: readonly string[];
}

/** Open a sandbox; everything in it is ended and removed after the test. */
export function openSandbox(t: TestContext, settings: Settings = {}): Sandbox {
  const sandbox = new Sandbox(settings);
  t.after(() => sandbox.close());
  return sandbox;
}

export class Sandbox {
  readonly root: string;
  readonly config: string;
  readonly #children: { readonly child: ChildProcess; readonly ended: Promise<Ended> }[] = [];
  #count = 0;
  /** What runs here may have mounts of its own. */
  #isWithin = false;
  /** In clock ticks since the boot, as processes have it. */
  readonly #begun = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) * 100;

  constructor(settings: Settings) {
    this.root = mkdtempSync(join(tmpdir(), 'cron-'));
    chmodSync(this.root, 0o755);
    for (const name of ['spool', 'cron.d', 'run', 'mails', 'mailbox']) mkdirSync(this.path(name));
    for (const name of ['mails', 'mailbox']) chmodSync(this.path(name), 0o1777);
    this.config = this.path('mailcron.toml');
    this.configure(settings);
    writeFileSync(this.path('sendmail'), recorder(this.root));
    chmodSync(this.path('sendmail'), 0o755);
    this.mailer({});
  }

  path(...names: readonly string[]): string {
    return join(this.root, ...names);
  }

  /** Write the configuration: every path in the root, the recorder, a log file, and what is given. */
  configure(settings: Settings): void {
    const sections: Settings = {
      ...settings,
      paths: {
        spool: this.path('spool'),
        system_crontab: this.path('crontab'),
        cron_d: this.path('cron.d'),
        allow: this.path('cron.allow'),
        deny: this.path('cron.deny'),
        run: this.path('run'),
        pidfile: this.path('crond.pid'),
        reboot: this.path('crond.reboot'),
        state: this.path('state'),
        mailbox: this.path('mailbox'),
        ...settings['paths'],
      },
      mail: { mailcmd: this.path('sendmail'), ...settings['mail'] },
      'mail.outbox': { ...settings['mail.outbox'] },
      jobs: { ...settings['jobs'] },
      log: { to: this.path('log'), ...settings['log'] },
    };
    const lines = Object.entries(sections).flatMap(([section, keys]) => [
      `[${section}]`,
      ...Object.entries(keys).map(([key, value]) => `${key} = ${JSON.stringify(value)}`),
    ]);
    writeFileSync(this.config, `${lines.join('\n')}\n`);
  }

  /** Write the tab of the user who runs the tests; a byte string. */
  tab(text: string, user = me): void {
    const file = this.path('spool', user);
    rmSync(file, { force: true });
    writeFileSync(file, Buffer.from(text, 'latin1'), { mode: 0o600 });
  }

  /** Write /etc/crontab. */
  systemTab(text: string): void {
    writeFileSync(this.path('crontab'), Buffer.from(text, 'latin1'), { mode: 0o644 });
  }

  /** Tell the recorder what to do from now on. */
  mailer({ read = 'all', say = '', end = 0 }: Behaviour): void {
    const reading = read === 'all' ? 'cat' : `head -c ${read}`;
    const ending = typeof end === 'number' ? `exit ${end}` : end;
    const text = `${reading} > "$d/stdin"\nprintf %s '${say}'\nkeep\n${ending}\n`;
    writeFileSync(this.path('behaviour'), text, { mode: 0o644 });
  }

  /** Whatever the recorder was given so far, in that order. */
  mails(): Mail[] {
    const folder = this.path('mails');
    const names = readdirSync(folder).filter((name) => !name.startsWith('.'));
    const since = (name: string): number => statSync(join(folder, name, 'argv')).mtimeMs;
    return names
      .toSorted((a, b) => since(a) - since(b))
      .map((name) => readMail(join(folder, name)));
  }

  /** Wait for so many mails; there may be more. */
  async mailed(count = 1, limit = 60_000): Promise<Mail[]> {
    const mails = (): Mail[] | false => {
      const found = this.mails();
      return found.length >= count && found;
    };
    return until(`${count} mails`, mails, { limit, evidence: () => this.evidence() });
  }

  /** Names of the mails in a state of the outbox. */
  outbox(state: 'queue' | 'failed' | 'damaged' | 'new' | 'old' | 'over' = 'queue'): string[] {
    const folder = this.path('state', 'outbox', state);
    return existsSync(folder) ? readdirSync(folder) : [];
  }

  log(): string {
    return existsSync(this.path('log')) ? readFileSync(this.path('log'), 'utf8') : '';
  }

  /** Lines of the log, without date and process: `(root) CMD (true)`. */
  logged(pattern: RegExp): string[] {
    const lines = this.log().split('\n');
    return lines.filter((line) => pattern.test(line)).map((line) => line.replace(/^.*?\]: /, ''));
  }

  /** Wait for a line of the log. */
  async says(pattern: RegExp, limit?: number): Promise<string> {
    const found = (): string | undefined => pattern.exec(this.log())?.[0];
    const patience = limit === undefined ? {} : { limit };
    return until(`${pattern} in the log`, found, { ...patience, evidence: () => this.evidence() });
  }

  /** Wait for a file that holds something, and ends so where it is written piece by piece. */
  async file(name: string, end = ''): Promise<string> {
    const read = (): string | false => {
      const text = existsSync(this.path(name)) ? readFileSync(this.path(name), 'latin1') : '';
      return text !== '' && text.endsWith(end) && text;
    };
    return until(`${name} is there`, read, { evidence: () => this.evidence() });
  }

  /** Start a program of ours in a session of its own, its outputs in files. */
  spawn(
    program: 'cron' | 'crontab' | 'cronctl',
    args: readonly string[],
    options: StartOptions = {},
  ): Started {
    const [out, err] = [this.path(`stdout.${++this.#count}`), this.path(`stderr.${this.#count}`)];
    const fds = [openSync(out, 'w'), openSync(err, 'w')] as const;
    const [file, ...words] = [...(options.within ?? []), process.execPath];
    this.#isWithin ||= options.within !== undefined;
    const child = spawn(
      file ?? '',
      [...words, ...(options.node ?? []), join(options.home ?? project, 'bin', program), ...args],
      {
        cwd: options.cwd ?? this.root,
        env: { PATH: '/usr/bin:/bin', TZ: process.env['TZ'], ...options.environment },
        stdio: ['ignore', ...fds],
      },
    );
    for (const fd of fds) closeSync(fd);
    const stderr = (): string => readFileSync(err, 'utf8');
    const ended = once(child, 'exit').then(() => ({
      status: child.exitCode,
      signal: child.signalCode,
      stdout: readFileSync(out, 'utf8'),
      stderr: stderr(),
    }));
    this.#children.push({ child, ended });
    return { pid: child.pid ?? 0, stderr, ended, kill: (signal) => void child.kill(signal) };
  }

  /** Run cron with the configuration to its end. */
  run(args: readonly string[], options: StartOptions = {}): Promise<Ended> {
    return this.spawn('cron', ['--config', this.config, ...args], options).ended;
  }

  /** Run cronctl with the configuration to its end. */
  cronctl(args: readonly string[]): Promise<Ended> {
    return this.spawn('cronctl', args, { environment: { CRON_CONFIG: this.config } }).ended;
  }

  /** Start the daemon in the foreground, and wait until it works. */
  async start(args: readonly string[] = [], options: StartOptions = {}): Promise<Started> {
    const daemon = this.launch(args, options);
    let status: Ended | undefined;
    void daemon.ended.then((ended) => (status = ended));
    await until(
      'cron has started',
      () => status ?? this.log().includes(`cron[${daemon.pid}]: (CRON) STARTUP`),
      { evidence: () => this.evidence() },
    );
    if (status !== undefined) throw new Error(`cron did not start: ${JSON.stringify(status)}`);
    return daemon;
  }

  /** Start the daemon in the foreground, and do not wait. */
  launch(args: readonly string[] = [], options: StartOptions = {}): Started {
    return this.spawn('cron', ['-f', '--config', this.config, ...args], options);
  }

  /** What an old line of the log names may be a stranger by now, but not if it is younger than all this. */
  #isYounger(pid: number): boolean {
    return isAlive(pid) && (startTime(pid) ?? 0) >= this.#begun;
  }

  /**
   * Processes of jobs and runners, by the log and the journals, that are there, be it as zombies. A number that a job
   * had may by now be a session's in one of the boxes that run beside this; those have mounts of their own.
   */
  remains(): number[] {
    const jobs = [...this.log().matchAll(/ CRON\[(\d+)\]: /g)].map(([, pid]) => Number(pid));
    const sessions = new Set([...jobs, ...this.journals().map(({ pid }) => pid)]);
    const found = processes().filter((pid) => sessions.has(sessionOf(pid)));
    return this.#isWithin ? found : found.filter((pid) => !isElsewhere(pid));
  }

  /** What lies where only what is under way may lie. */
  leftovers(): string[] {
    const states = readdirSync(this.path('state/outbox')).map((name) => `state/outbox/${name}`);
    const folders = ['run', 'state/output', ...states];
    const files = folders.flatMap((folder) =>
      readdirSync(this.path(folder)).map((name) => `${folder}/${name}`),
    );
    return [...files, ...(existsSync(this.path('crond.pid')) ? ['crond.pid'] : [])];
  }

  /** Wait until no runner is left, and see that nothing else is. */
  async isTidy(): Promise<void> {
    await until('all runners have ended', () => this.runners().length === 0, {
      limit: 45_000, // one that nobody took ends after half a minute
      evidence: () => this.evidence(),
    });
    assert.deepEqual(this.leftovers(), []);
    await until('no process is left', () => this.remains().length === 0, {
      evidence: () => `${this.remains().map(describe).join('\n')}\n${this.evidence()}`,
    });
  }

  /** Runners that have written a journal and are alive, oldest first. */
  runners(): { pid: number; started: number }[] {
    return this.journals().filter(({ pid, started }) => isAlive(pid, started));
  }

  /** Who has written the journals, oldest first. */
  journals(): { pid: number; started: number }[] {
    const folder = this.path('state', 'journal');
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .toSorted()
      .flatMap((name) => {
        const [line = ''] = readFileSync(join(folder, name), 'utf8').split('\n', 1);
        if (!line.endsWith('}')) return [];
        const { pid, started }: { pid: number; started: number } = JSON.parse(line);
        return [{ pid, started }];
      });
  }

  /** What a failure is explained with. */
  evidence(): string {
    const outputs = Array.from({ length: this.#count }, (_, index) =>
      readFileSync(this.path(`stderr.${index + 1}`), 'utf8'),
    );
    return `log:\n${this.log()}\nstderr:\n${outputs.join('')}`;
  }

  /** End all processes that belong here, by their pids, and remove the root. */
  async close(): Promise<void> {
    for (const { child } of this.#children) child.kill('SIGKILL');
    await Promise.all(this.#children.map(({ ended }) => ended));
    for (;;) {
      const pids = [
        ...this.runners().map(({ pid }) => pid),
        ...processesNaming(this.root),
        ...this.remains().filter((pid) => this.#isYounger(pid)),
      ];
      if (pids.length === 0) break;
      for (const pid of pids) kill(pid);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** The program in place of sendmail: what it was given goes to a directory that appears when it is whole. */
function recorder(root: string): string {
  return `#!/bin/sh
d=$(mktemp -d '${root}/mails/.XXXXXXXX') || exit 70
keep() { mv "$d" "${root}/mails/\${d##*/.}"; d="${root}/mails/\${d##*/.}"; }
printf '%s\\0' "$0" "$@" > "$d/argv"
env -0 > "$d/env"
{ id -u; id -G; } > "$d/id"
export SANDBOX='${root}' # by which what is left running is found
. '${root}/behaviour'
`;
}

function readMail(place: string): Mail {
  const read = (name: string): Buffer => readFileSync(join(place, name));
  const words = (name: string): string[] => read(name).toString().split('\0').slice(0, -1);
  const [uid = '', groups = ''] = read('id').toString().split('\n');
  const bytes = read('stdin');
  const end = bytes.indexOf('\n\n') + 2;
  return {
    argv: words('argv'),
    uid: Number(uid),
    groups: groups.split(' ').map(Number),
    environment: Object.fromEntries(
      words('env').map((word) => [
        word.slice(0, word.indexOf('=')),
        word.slice(word.indexOf('=') + 1),
      ]),
    ),
    bytes,
    head: bytes.toString('latin1', 0, end),
    body: bytes.toString('latin1', end),
  };
}

/** Whether a process is there and is no zombie; with its start time, whether it is still that one. */
export function isAlive(pid: number, started = startTime(pid)): boolean {
  if (started === null || startTime(pid) !== started) return false;
  return processState(pid) !== 'Z';
}

/** The letter of proc(5): R, S, T, Z; null when there is no such process. */
export function processState(pid: number): string | null {
  return statusOf(pid)?.[0] ?? null;
}

/** Processes that have this root in their command line or environment, and all of their sessions. */
export function processesNaming(root: string): number[] {
  const living = processes().filter((pid) => pid !== process.pid && isAlive(pid));
  const named = living.filter((pid) =>
    ['cmdline', 'environ'].some((name) => readOf(pid, name).includes(root)),
  );
  const sessions = new Set(named.map(sessionOf));
  sessions.delete(sessionOf(process.pid));
  return living.filter((pid) => named.includes(pid) || sessions.has(sessionOf(pid)));
}

function processes(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

export function sessionOf(pid: number): number {
  return Number(statusOf(pid)?.[3]);
}

/** Whether a process sees other mounts than this one; of a zombie nobody knows. */
function isElsewhere(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`) !== readlinkSync('/proc/self/ns/mnt');
  } catch {
    return false;
  }
}

/** A process in words, for who wonders why it is still there. */
function describe(pid: number): string {
  const fields = statusOf(pid)?.slice(0, 4).join(' ') ?? 'gone';
  return `${pid} (${fields}): ${readOf(pid, 'cmdline').replaceAll('\0', ' ')}`;
}

/** Fields of /proc/PID/stat from the third on: state, parent, group, session, terminal. */
function statusOf(pid: number): string[] | null {
  const stat = readOf(pid, 'stat');
  return stat === '' ? null : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function readOf(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return '';
  }
}

export function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended this moment.
  }
}
