/** A cron and crontabs → that cron, running in a box of its own, and what its jobs and its sendmail noted down. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { Account } from './account.ts';
import { packagesOf } from './cache.ts';
import { peers } from './peers.ts';

const source = fileURLToPath(new URL('../../../', import.meta.url));

export interface Scene {
  /** A name of `peers`. */
  readonly peer: string;
  readonly tools: string;
  /** User → crontab; u0, u1, … of `people`. */
  readonly tabs: ReadonlyMap<string, string>;
  readonly people?: number;
  /** Groups that each of them is in besides their own. */
  readonly groups?: number;
}

/** When a job started, in milliseconds of the real time, and which. */
export interface Stamp {
  readonly at: number;
  readonly id: string;
}

/** Those that are not closed yet. */
const open = new Set<Stage>();

export class Stage {
  readonly peer: string;
  readonly folder = mkdtempSync(join(tmpdir(), 'bench-'));
  readonly account = new Account(basename(this.folder));
  readonly #box: ChildProcess;
  #ended = false;

  constructor({ peer, tools, tabs, people = tabs.size, groups = 0 }: Scene) {
    open.add(this);
    this.peer = peer;
    for (const name of ['stamps', 'mails']) writeFileSync(join(this.folder, name), '');
    chmodSync(this.folder, 0o755); // jobs look into it
    mkdirSync(join(this.folder, 'tabs'));
    for (const [user, text] of tabs) writeFileSync(join(this.folder, 'tabs', user), text);
    const debs = packagesOf(peers[peer]?.packages ?? []);
    const binds = {
      [source]: '/src',
      [realpathSync(join(source, 'node_modules'))]: '/usr/lib/mailcron/node_modules',
      [this.folder]: '/bench',
      [tools]: '/tools',
      [this.account.folder]: '/cgroup',
      ...Object.fromEntries(debs.map((file) => [file, `/debs/${basename(file)}`])),
    };
    this.#box = spawn(
      join(source, 'test/support/box'),
      [
        ...Object.entries(binds).flatMap(([from, to]) => ['--bind', `${from}:${to}`]),
        '--',
        '/src/bench/inside',
        peer,
        `${people}`,
        `${groups}`,
        ...debs.map((file) => `/debs/${basename(file)}`),
      ],
      { stdio: ['ignore', 'inherit', 'inherit'], env: { PATH: process.env['PATH'] } },
    );
    this.#box.once('exit', () => (this.#ended = true));
  }

  /** Wait until the cron is started, and so long on, to see whether it stays, in milliseconds. */
  async begun(rest = 1000): Promise<void> {
    const hasBegun = (): boolean =>
      statSync(join(this.folder, 'begun'), { throwIfNoEntry: false }) !== undefined;
    for (let tries = 0; !hasBegun(); tries++) {
      if (this.#ended || tries === 3000) throw new Error(this.#evidence());
      await pause(20);
    }
    await pause(rest);
    if (rest > 0 && (this.#ended || this.account.pids().length === 0))
      throw new Error(this.#evidence());
  }

  /** When the cron was started, in milliseconds of the real time. */
  since(): number {
    return statSync(join(this.folder, 'begun')).mtimeMs;
  }

  /** A command in the box, as root; what it prints is not kept. */
  enter(argv: readonly string[]): ChildProcess {
    const pid = readFileSync(join(this.folder, 'pid'), 'latin1').trim();
    return spawn('nsenter', ['--all', '-t', pid, '--', ...argv], {
      stdio: 'ignore',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    });
  }

  #evidence(): string {
    return `the cron does not run: ${readFileSync(join(this.folder, 'out'), 'latin1')}`;
  }

  #lines(name: string): string[][] {
    const text = readFileSync(join(this.folder, name), 'latin1');
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split(' '));
  }

  stamps(): readonly Stamp[] {
    return this.#lines('stamps').map(([at, id = '']) => ({ at: Number(at) / 1e6, id }));
  }

  /** When each mail was complete, in milliseconds of the real time. */
  mails(): readonly number[] {
    return this.#lines('mails').map(([at]) => Number(at) / 1e6);
  }

  /** End the box with all in it. */
  async close(): Promise<void> {
    if (!open.delete(this)) return;
    if (!this.#ended) {
      this.#box.kill('SIGKILL');
      await once(this.#box, 'exit');
    }
    await this.account.close();
    rmSync(this.folder, { recursive: true });
  }
}

/** End all boxes, where the bench itself is ended. */
export async function closeAll(): Promise<void> {
  await Promise.all([...open].map(async (stage) => stage.close()));
}

/** Let a cron run as long as something is done with it. */
export async function withStage<T>(scene: Scene, use: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = new Stage(scene);
  try {
    await stage.begun();
    return await use(stage);
  } finally {
    await stage.close();
  }
}

/** The same with several at once, in the same order. */
export async function withStages<T>(
  scenes: readonly Scene[],
  use: (stages: readonly Stage[]) => Promise<T>,
): Promise<T> {
  const stages: Stage[] = [];
  try {
    for (const scene of scenes) stages.push(new Stage(scene));
    await Promise.all(stages.map(async (stage) => stage.begun()));
    return await use(stages);
  } finally {
    await Promise.all(stages.map(async (stage) => stage.close()));
  }
}
