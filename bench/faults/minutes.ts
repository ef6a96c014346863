/** A seed and a time → a cron that starts jobs each minute while everything goes wrong, and the verdict. */
import { readdirSync, readFileSync, renameSync, writeFileSync, mkdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { isAlive, Sandbox, type Started } from '../../test/support/sandbox.ts';
import { until } from '../../test/support/wait.ts';
import { type Chance, chance } from './chance.ts';
import { type Disk, mountDisk } from './disk.ts';
import { readNotes } from './jobs.ts';
import * as kinds from './kinds.ts';
import { programWay, type Way } from './mailer.ts';
import { Copies } from './package.ts';
import { Timepiece } from './timepiece.ts';
import { copiesOf, judge, type Verdict } from './verdict.ts';

export interface MinutesPlan {
  readonly seconds: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

/** Minutes for which jobs need not have run, and why. */
interface Excuse {
  /** After this minute of the course ... */
  readonly after: number;
  /** ... and up to this one. */
  readonly to: number;
  /** Only entries with a star in their hour. */
  readonly isWildOnly: boolean;
  readonly why: string;
}

const MINUTE = 60_000;
const FIRST = Date.parse('2027-01-05T08:00Z');
const USERS = ['root', 'nobody', 'daemon', 'games'];
/** How long it may take until all is delivered in the end, in milliseconds. */
const PATIENCE = 120_000;
/** Minutes that the table has besides the one that is: those made up, and those to come. */
const [BACK, AHEAD] = [10, 20];
/** What is captured is in a file after a second; so long the runner's timer may be late on a busy machine, in seconds. */
const SLACK = 2;

/** Run it, as root and with mounts of one's own. */
export async function runMinutes(plan: MinutesPlan): Promise<Verdict> {
  const sandbox = new Sandbox({});
  const course = new Minutes(plan, sandbox);
  try {
    return await course.run();
  } finally {
    course.close();
    await sandbox.close();
  }
}

class Minutes {
  readonly #plan: MinutesPlan;
  readonly #sandbox: Sandbox;
  readonly #way: Way;
  readonly #random: Chance;
  readonly #happened = new Map<string, number>();
  readonly #excuses: Excuse[] = [];
  /** When runners were killed, in seconds of uptime. */
  readonly #kills: number[] = [];
  readonly #most = { scheduler: 0, runner: 0 };
  readonly #disk: Disk;
  readonly #copies: Copies;
  readonly #clock: Timepiece;
  #daemon: Started | null = null;
  #isFull = false;
  #tableTo = -1;
  #version = 0;

  constructor(plan: MinutesPlan, sandbox: Sandbox) {
    this.#plan = plan;
    this.#sandbox = sandbox;
    this.#random = chance(plan.seed);
    this.#way = programWay(sandbox.root);
    this.#copies = new Copies(sandbox.path('packages'));
    const [clock, kept] = [sandbox.path('clock'), sandbox.path('state/last-minute')];
    mkdirSync(sandbox.path('state'));
    this.#disk = mountDisk(sandbox.path('state'));
    this.#clock = new Timepiece(clock, kept, FIRST - 1000);
    sandbox.configure({
      mail: this.#way.mail,
      'mail.outbox': { first_pause: 0.1, per_user: 100_000, per_user_bytes: 1_000_000_000 },
      test: { clock },
    });
  }

  close(): void {
    this.#clock.close();
    this.#disk.close();
  }

  async run(): Promise<Verdict> {
    const sandbox = this.#sandbox;
    const notes = sandbox.path('notes');
    kinds.writeProgram(sandbox.path('job'), notes);
    this.#table(-1, AHEAD);
    this.#launch();
    await this.#seen();
    this.#clock.hold(false);
    const end = performance.now() + this.#plan.seconds * 1000;
    while (performance.now() < end) {
      await pause(150 + this.#random(1500));
      this.#keepUp();
      await this.#mishap();
      this.#measure();
    }
    const jobs = await this.#heal();
    const last = await this.#isQuiet();
    await this.#end('SIGTERM');
    await sandbox.isTidy();
    const arrived = this.#way.arrived();
    const known = {
      outputOf: kinds.outputOf,
      excuse: (number: number) => this.#excuse(number),
    };
    const verdict = judge(jobs, readNotes(notes), arrived, sandbox.log(), known);
    const late = this.#lostTooMuch(readFileSync(notes, 'utf8'), arrived);
    for (const [what, count] of this.#happened) this.#plan.say(`  ${count} times ${what}`);
    const wrong = [...verdict.wrong, ...late, ...last.wrong];
    if (wrong.length > 0) this.#keepEvidence(arrived);
    const { scheduler, runner } = this.#most;
    const most = { 'MB of the largest scheduler': scheduler, 'MB of the largest runner': runner };
    return { figures: { ...verdict.figures, ...last.figures, ...most }, wrong };
  }

  /** The minute that it is, counted from the first. */
  get #minute(): number {
    return Math.floor((this.#clock.now - FIRST) / MINUTE);
  }

  /** Write the table anew: jobs from one minute to another, and a line that says which version it is. */
  #table(from: number, to: number): void {
    const sandbox = this.#sandbox;
    const first = Math.max(0, from);
    const minutes = Array.from({ length: to - first + 1 }, (_, index) => first + index);
    const lines = kinds.linesOf(sandbox.path('job'), USERS, FIRST, minutes);
    writeFileSync(sandbox.path('crontab.new'), `# version ${++this.#version}\n${lines}`);
    renameSync(sandbox.path('crontab.new'), sandbox.path('crontab'));
    this.#tableTo = to;
  }

  /** Let the table have what is to come. */
  #keepUp(): void {
    if (this.#tableTo < this.#minute + AHEAD / 2)
      this.#table(this.#minute - BACK, this.#minute + AHEAD);
  }

  #launch(): void {
    this.#clock.begins();
    const environment = { CRON_TEST_CLOCK: this.#sandbox.path('clock'), TZ: 'UTC' };
    this.#daemon = this.#sandbox.launch([], { environment, home: this.#copies.home });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#daemon?.kill(signal);
    await this.#daemon?.ended;
    this.#daemon = null;
  }

  #seen(): Promise<boolean> {
    return until('the scheduler looks at the clock', () => this.#clock.isSeen, {
      evidence: () => this.#sandbox.log().slice(-3000),
    });
  }

  /** Stop the clock when the scheduler has been through the minute that it shows; false: it does not get there. */
  async #stand(): Promise<boolean> {
    if (this.#isFull) return false;
    for (let tries = 0; tries < 200; tries++) {
      this.#clock.hold(true);
      if (this.#clock.isVisited) return true;
      this.#clock.hold(false);
      await pause(50);
    }
    return false;
  }

  /** Something goes wrong, or comes right again. */
  async #mishap(): Promise<void> {
    const random = this.#random;
    const often: readonly (readonly [often: number, what: () => Promise<string> | string])[] = [
      [6, () => this.#mood()],
      [4, () => this.#restart('SIGKILL', 'kill -9 of the scheduler')],
      [2, () => this.#restart('SIGTERM', 'restart of the scheduler')],
      [2, () => this.#upgrade()],
      [3, () => this.#killRunner()],
      [1, () => this.#killBoth()],
      [2, () => this.#change()],
      [2, () => this.#fill()],
      [2, () => this.#step(2 + random(3), 'clock forward by minutes')],
      [1, () => this.#step(6 + random(10), 'clock forward by more than five minutes')],
      [1, () => this.#step(-1 - random(2), 'clock back by minutes')],
      [1, () => this.#step(200, 'clock forward by hours')],
      [1, () => this.#absence('SIGKILL', 6 + random(4))],
      [1, () => this.#absence('SIGTERM', 2 + random(3))],
    ];
    let left = random(often.reduce((sum, [times]) => sum + times, 0));
    for (const [times, what] of often) {
      left -= times;
      if (left >= 0) continue;
      const told = await what();
      this.#happened.set(told, (this.#happened.get(told) ?? 0) + 1);
      return;
    }
  }

  async #mood(): Promise<string> {
    const moods = this.#way.moods;
    const mood = moods[this.#random(2) === 0 ? 0 : this.#random(moods.length)] ?? '';
    await this.#way.mood(mood);
    return `the mailer: ${mood}`;
  }

  async #restart(signal: NodeJS.Signals, told: string): Promise<string> {
    if (this.#clock.isOwed) return 'nothing';
    await this.#end(signal);
    this.#launch();
    return told;
  }

  /** A new package is put there, the scheduler restarted, and the old package is gone under its runner. */
  async #upgrade(): Promise<string> {
    if (this.#clock.isOwed) return 'nothing';
    const removeOld = this.#copies.renew();
    const isFirst = this.#random(2) === 0;
    if (isFirst) removeOld();
    await this.#end('SIGTERM');
    this.#launch();
    if (!isFirst) removeOld();
    return 'upgrade, the old package deleted';
  }

  #killRunner(): string {
    const runners = this.#sandbox.runners();
    const runner = runners[this.#random(Math.max(1, runners.length))];
    // What a full disk does not take is in the runner alone: killed as well, it would be gone.
    if (runner === undefined || this.#isFull || this.#clock.isOwed) return 'nothing';
    this.#kills.push(uptime());
    process.kill(runner.pid, 'SIGKILL');
    return 'kill -9 of a runner';
  }

  async #killBoth(): Promise<string> {
    if (this.#isFull || this.#clock.isOwed) return 'nothing';
    await this.#end('SIGKILL');
    this.#killRunner();
    this.#launch();
    return 'kill -9 of scheduler and runner';
  }

  #change(): string {
    this.#table(this.#minute - BACK, this.#minute + AHEAD + this.#random(5));
    return 'crontab written anew';
  }

  async #fill(): Promise<string> {
    if (this.#isFull) {
      await this.#free();
      return 'room on the disk';
    }
    if (!(await this.#stand())) return 'nothing';
    this.#isFull = true;
    this.#disk.fill();
    this.#clock.hold(false);
    await pause(this.#random(3000));
    return 'full disk';
  }

  /** Make room, and let those write who have waited for it. */
  async #free(): Promise<void> {
    this.#isFull = false;
    this.#disk.free();
    this.#clock.freed();
    await pause(2500);
  }

  /** Set the clock. */
  async #step(minutes: number, told: string): Promise<string> {
    if (!(await this.#stand())) return 'nothing';
    const [was, is] = [this.#minute, this.#minute + minutes];
    // Beyond three hours, hours of the old table would come again.
    if (minutes < 180) this.#table(Math.min(was, is) - BACK, Math.max(was, is) + AHEAD);
    else this.#table(is, is + AHEAD);
    if (minutes > 5) {
      const isLong = minutes > 180;
      this.#excuses.push({ after: was, to: is - 1, isWildOnly: !isLong, why: told });
    }
    this.#clock.set(this.#clock.now + minutes * MINUTE);
    if (minutes > 0) await this.#arrives();
    this.#clock.hold(false);
    return told;
  }

  /** Nobody is there for longer than is made up. */
  async #absence(signal: NodeJS.Signals, minutes: number): Promise<string> {
    if (!(await this.#stand())) return 'nothing';
    await this.#end(signal);
    const was = this.#minute;
    this.#table(was - BACK, was + minutes + AHEAD);
    this.#clock.set(this.#clock.now + minutes * MINUTE);
    const told = `${signal} and ${signal === 'SIGTERM' ? 'minutes' : 'more than five minutes'} without a scheduler`;
    this.#excuses.push({ after: was, to: this.#minute, isWildOnly: false, why: told });
    this.#launch();
    await this.#seen();
    this.#clock.hold(false);
    return told;
  }

  #arrives(): Promise<boolean> {
    return until('the scheduler gets to the minute', () => this.#clock.isVisited, {
      limit: 60_000,
      evidence: () => this.#sandbox.log().slice(-3000),
    });
  }

  #excuse(number: number): string | null {
    const minute = kinds.minuteOf(number);
    const excuse = this.#excuses.find(
      ({ after, to, isWildOnly }) =>
        minute > after && minute <= to && (!isWildOnly || kinds.isWild(number)),
    );
    return excuse?.why ?? null;
  }

  /** All is well from now on; how many jobs were to start until now. */
  async #heal(): Promise<number> {
    await this.#way.mood('good');
    await this.#free();
    if (this.#daemon === null) this.#launch();
    for (let tries = 0; !(await this.#stand()); tries++)
      if (tries > 5)
        throw new Error(`the scheduler is stuck:\n${this.#sandbox.log().slice(-3000)}`);
    await this.#end('SIGKILL'); // whoever did not get through is tried again at once
    this.#launch();
    await this.#seen();
    const highest = this.#excuses.reduce((most, { to }) => Math.max(most, to), this.#minute);
    return (highest + 1) * kinds.A_MINUTE;
  }

  /** Wait until nothing is left to do, and tell what the daemon holds then. */
  async #isQuiet(): Promise<Verdict> {
    const sandbox = this.#sandbox;
    const busy = (): number =>
      sandbox.outbox().length + readdirSync(sandbox.path('state/output')).length;
    const limit = {
      limit: PATIENCE,
      evidence: () => `${busy()} wait\n${sandbox.log().slice(-5000)}`,
    };
    const isQuiet = (): boolean => busy() === 0 && sandbox.runners().length === 1;
    await until('all is delivered', isQuiet, limit);
    await pause(3000); // whoever has yet to begin something
    await until('all is delivered', isQuiet, limit);
    const pid = this.#daemon?.pid ?? 0;
    const runner = sandbox.runners()[0]?.pid ?? 0;
    const figures = {
      "the scheduler's descriptors": readdirSync(`/proc/${pid}/fd`).length,
      "the runner's descriptors": readdirSync(`/proc/${runner}/fd`).length,
    };
    const wrong = Object.entries(figures).flatMap(([whose, count]) =>
      count > 60 ? [`${whose} are ${count}`] : [],
    );
    const { scheduler, runner: most } = this.#most;
    if (scheduler > 200 || most > 200) wrong.push(`memory: ${scheduler} and ${most} MB`);
    return { figures, wrong };
  }

  #measure(): void {
    const scheduler = this.#daemon?.pid ?? 0;
    const runners = this.#sandbox.runners().map(({ pid }) => memory(pid));
    this.#most.scheduler = Math.max(this.#most.scheduler, memory(scheduler));
    this.#most.runner = Math.max(this.#most.runner, ...runners);
  }

  /** Slow jobs of killed runners: what they printed more than a second before that must be in the mail. */
  #lostTooMuch(notes: string, arrived: readonly string[]): string[] {
    const copies = copiesOf(arrived);
    const begun = new Map<string, number>();
    return notes.split('\n').flatMap((note) => {
      const [word, number = '', step = '', at = ''] = note.split(' ');
      if (word !== 'step') return [];
      const since = begun.get(number) ?? Number(at);
      begun.set(number, since);
      const killed = this.#kills.find((time) => time >= since);
      const found = copies.get(Number(number)) ?? [];
      if (killed === undefined || Number(at) > killed - 1 - SLACK) return [];
      if (found.some(({ body }) => body.includes(`${number}.${step}\n`))) return [];
      return [`job ${number}: what it printed ${killed - Number(at)} s before a death is lost`];
    });
  }

  #keepEvidence(arrived: readonly string[]): void {
    const { seed, say } = this.#plan;
    const place = `/tmp/faults-minutes-${seed}`;
    mkdirSync(place, { recursive: true });
    writeFileSync(`${place}/log`, this.#sandbox.log());
    writeFileSync(`${place}/notes`, readFileSync(this.#sandbox.path('notes')));
    writeFileSync(`${place}/mails`, arrived.join('\n=====\n'), 'latin1');
    writeFileSync(`${place}/excuses.json`, JSON.stringify(this.#excuses, null, 1));
    say(`  log, notes and mails: ${place}`);
  }
}

/** Seconds since the machine was started. */
function uptime(): number {
  return Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]);
}

/** Megabytes in memory; 0: it is gone. */
function memory(pid: number): number {
  if (!isAlive(pid)) return 0;
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}
