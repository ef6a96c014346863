/** Jobs, a way of delivery and a seed → a cron to which everything happens, and at the end the verdict. */
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isAlive, isRoot, Sandbox, type Started } from '../../test/support/sandbox.ts';
import { until } from '../../test/support/wait.ts';
import { chance } from './chance.ts';
import { type Disk, mountDisk } from './disk.ts';
import { lineOf, readNotes, writeProgram } from './jobs.ts';
import type { Way } from './mailer.ts';
import { judge, type Verdict } from './verdict.ts';

/** What is to be done. */
export interface Plan {
  readonly jobs: number;
  /** Jobs that start at the same time. */
  readonly wave: number;
  readonly seed: number;
  readonly hasDisk: boolean;
  readonly way: (root: string) => Way | Promise<Way>;
  readonly say: (line: string) => void;
}

/** Whose the jobs are, where root's cron starts them. */
const USERS = ['root', 'nobody', 'daemon', 'games'];
/** How long it may take until all is delivered in the end, in milliseconds. */
const PATIENCE = 90_000;

/** Run the course. */
export async function run(plan: Plan): Promise<Verdict> {
  const sandbox = new Sandbox({});
  const way = await plan.way(sandbox.root);
  const course = new Course(plan, sandbox, way);
  try {
    return await course.run();
  } finally {
    await way.close();
    course.close();
    await sandbox.close();
  }
}

class Course {
  readonly #plan: Plan;
  readonly #sandbox: Sandbox;
  readonly #way: Way;
  readonly #random: (limit: number) => number;
  readonly #happened = new Map<string, number>();
  #disk: Disk | null = null;
  #daemon: Started | null = null;
  #full = false;

  constructor(plan: Plan, sandbox: Sandbox, way: Way) {
    this.#plan = plan;
    this.#sandbox = sandbox;
    this.#way = way;
    this.#random = chance(plan.seed);
  }

  /** Unmount what was mounted, whoever still uses it. */
  close(): void {
    this.#disk?.close();
  }

  async run(): Promise<Verdict> {
    const { jobs, wave, say } = this.#plan;
    const [sandbox, way] = [this.#sandbox, this.#way];
    const notes = sandbox.path('notes');
    writeProgram(sandbox.path('job'), notes);
    sandbox.configure({
      mail: way.mail,
      'mail.smtp': way.smtp,
      'mail.outbox': { first_pause: 0.1, per_user: 100_000, per_user_bytes: 1_000_000_000 },
    });
    if (this.#plan.hasDisk) {
      mkdirSync(sandbox.path('state'));
      this.#disk = mountDisk(sandbox.path('state'));
    }
    for (let first = 0; first < jobs; first += wave) {
      await this.#end('SIGKILL');
      // To the cron of a new boot, jobs of which a full disk took no record would be new ones.
      if (this.#disk !== null && this.#full) await this.#free(this.#disk);
      this.#table(Math.min(first + wave, jobs));
      this.#launch();
      for (let step = 0; step < 5; step++) {
        await pause(100 + this.#random(600));
        await this.#mishap();
      }
    }
    await this.#heal();
    const last = await this.#isQuiet(jobs).catch((error: unknown) => {
      say(this.#state());
      const place = keepCopy(sandbox.root, this.#plan.seed);
      say(`  all of it: ${place}`);
      throw error;
    });
    const shared = { handles: last.handles, 'MB of memory': last.memory };
    await this.#end('SIGTERM');
    await sandbox.isTidy();
    const verdict = judge(jobs, readNotes(notes), way.arrived(), sandbox.log());
    for (const [what, count] of this.#happened) say(`  ${count} times ${what}`);
    if (verdict.wrong.length > 0) {
      const copy = `/tmp/faults-${this.#plan.seed}.log`;
      writeFileSync(copy, sandbox.log());
      say(`  the log: ${copy}`);
    }
    return { ...verdict, figures: { ...verdict.figures, ...shared } };
  }

  /** Put the jobs up to this one into the table; a new boot starts those that were not there before. */
  #table(upTo: number): void {
    const sandbox = this.#sandbox;
    const lines = Array.from({ length: upTo }, (_, number) =>
      lineOf(sandbox.path('job'), number, isRoot ? USERS[number % USERS.length] : undefined),
    ).join('');
    if (isRoot) sandbox.systemTab(lines);
    else sandbox.tab(lines);
    rmSync(sandbox.path('crond.reboot'), { force: true });
  }

  #launch(): void {
    this.#daemon = this.#sandbox.launch();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#daemon?.kill(signal);
    await this.#daemon?.ended;
    this.#daemon = null;
  }

  /** Something goes wrong, or comes right again. */
  async #mishap(): Promise<void> {
    const [disk, random] = [this.#disk, this.#random];
    const moods = this.#way.moods;
    const mishaps: (() => Promise<string> | string)[] = [
      ...Array.from({ length: 5 }, () => async () => {
        const mood = moods[random(2) === 0 ? 0 : random(moods.length)] ?? '';
        await this.#way.mood(mood);
        return `the mailer or relay: ${mood}`;
      }),
      ...Array.from({ length: 2 }, () => async () => {
        await this.#end('SIGKILL');
        this.#launch();
        return 'kill -9 of the scheduler';
      }),
      async () => {
        await this.#end('SIGTERM');
        this.#launch();
        return 'restart of the scheduler';
      },
      () => this.#killRunner(),
      async () => {
        // What a full disk does not take is in the runner alone: killed as well, it would be gone.
        if (this.#full) return 'nothing';
        await this.#end('SIGKILL');
        this.#killRunner();
        this.#launch();
        return 'kill -9 of scheduler and runner';
      },
      () => {
        const postmen = this.#children('postman.js');
        for (const pid of postmen) process.kill(pid, 'SIGKILL');
        return postmen.length > 0 ? 'kill -9 of the postman' : 'nothing';
      },
      async () => {
        if (disk === null) return 'nothing';
        if (this.#full) {
          await this.#free(disk);
          return 'room on the disk';
        }
        this.#full = true;
        disk.fill();
        return 'full disk';
      },
    ];
    const what = await mishaps[random(mishaps.length)]?.();
    this.#happened.set(what ?? '', (this.#happened.get(what ?? '') ?? 0) + 1);
  }

  /** Make room, and let those write who have waited for it. */
  async #free(disk: Disk): Promise<void> {
    this.#full = false;
    disk.free();
    await pause(1500);
  }

  #killRunner(): string {
    const runner = this.#sandbox.runners().at(-1);
    if (runner === undefined || this.#full) return 'nothing';
    process.kill(runner.pid, 'SIGKILL');
    return 'kill -9 of a runner';
  }

  /** Processes of ours that run that program. */
  #children(name: string): number[] {
    return readdirSync('/proc')
      .filter((pid) => /^\d+$/.test(pid))
      .map(Number)
      .filter((pid) => {
        try {
          const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
          if (!line.includes(name)) return false;
          // A postman's parent is the daemon.
          const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
          const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
          return parent === this.#daemon?.pid && isAlive(pid);
        } catch {
          return false; // It has ended this moment.
        }
      });
  }

  /** All is well from now on. */
  async #heal(): Promise<void> {
    this.#disk?.free();
    await this.#way.mood('good');
    await this.#end('SIGKILL');
    this.#daemon = await this.#sandbox.start();
  }

  /** What is left to do, and who has to do with it: told when a course comes to no end. */
  #state(): string {
    const sandbox = this.#sandbox;
    const journals = sandbox.path('state/journal');
    const lines = readdirSync(sandbox.path('state/output')).flatMap((output) => {
      const size = statSync(sandbox.path('state/output', output)).size;
      const known = readdirSync(journals).flatMap((name) =>
        readFileSync(join(journals, name), 'utf8')
          .split('\n')
          .filter((line) => line.includes(`"${output}"`))
          .map((line) => `    ${name}: ${line}`),
      );
      return [`  output ${output}: ${size} bytes; in the journals:`, ...known];
    });
    const runners = sandbox.runners().map(({ pid }) => `  runner ${pid}`);
    return [...runners, ...sandbox.outbox().map((id) => `  queued ${id}`), ...lines].join('\n');
  }

  /** Wait until nothing is left to do, and tell what the daemon holds then. */
  async #isQuiet(jobs: number): Promise<{ handles: number; memory: number }> {
    const sandbox = this.#sandbox;
    const started = this.#daemon;
    const busy = (): number =>
      sandbox.outbox().length + readdirSync(sandbox.path('state/output')).length;
    await until(
      'all is delivered',
      () => busy() === 0 && sandbox.runners().length === 1 && this.#way.arrived().length > 0,
      {
        limit: PATIENCE,
        evidence: () => `${busy()} of ${jobs} wait\n${sandbox.log().slice(-5000)}`,
      },
    );
    await pause(3000); // whoever has yet to begin something
    await until('all is delivered', () => busy() === 0, { limit: PATIENCE });
    const pid = started?.pid ?? 0;
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const memory = Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
    return { handles: readdirSync(`/proc/${pid}/fd`).length, memory };
  }
}

/** Copy what is left of a course that came to no end. */
function keepCopy(root: string, seed: number): string {
  const place = `/tmp/faults-${seed}`;
  rmSync(place, { recursive: true, force: true });
  cpSync(root, place, { recursive: true, filter: (from) => !from.endsWith('.sock') });
  return place;
}
