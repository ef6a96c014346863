/** A cron by a test's clock that is alone in a pid namespace → when what it was told to do is over, and with which pids. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { TEST_MARK } from '../../src/system/testclock.ts';
import { CONTAINER, childrenOf, firstOf } from '../support/container.ts';
import { openSandbox, type Sandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

const MINUTE = 60_000;
/** A full minute in which nothing special happens. */
const NOON = Date.parse('2026-11-10T12:00:00Z');
/** Process 1 is a shell: a cron that is process 1 is a container's. */
const WITHIN = [...CONTAINER, '/bin/sh', '-c', '"$@"; exit $?', 'sh'];

/** Start it with a table; FILE in that is a file to which jobs may add lines of their own. */
export async function openAlone(t: TestContext, table: string): Promise<Alone> {
  const sandbox = openSandbox(t);
  const [clock, file] = [sandbox.path('clock'), sandbox.path('lines')];
  sandbox.configure({ test: { clock } });
  sandbox.tab(table.replaceAll('FILE', file));
  // A mailer that is one process, and reads all.
  const mailer = `#!/bin/sh\necho $$ >> '${file}'\nwhile read -r line; do :; done\n`;
  writeFileSync(sandbox.path('sendmail'), mailer);
  const set = (at: number): void => writeFileSync(clock, `${at}`);
  set(NOON + MINUTE / 2);
  const environment = { [TEST_MARK]: clock, TZ: 'UTC' };
  const { pid } = sandbox.launch([], { within: WITHIN, environment });
  await sandbox.file('state/last-minute', '\n'); // it has looked at the clock
  const [scheduler = 0] = childrenOf(await firstOf(pid));
  const [runner = 0] = childrenOf(scheduler);
  return new Alone(sandbox, scheduler, runner, set);
}

export class Alone {
  readonly #sandbox: Sandbox;
  /** Their pids out here. */
  readonly scheduler: number;
  readonly runner: number;
  readonly #set: (at: number) => void;
  #at = NOON;

  constructor(sandbox: Sandbox, scheduler: number, runner: number, set: (at: number) => void) {
    this.#sandbox = sandbox;
    [this.scheduler, this.runner, this.#set] = [scheduler, runner, set];
  }

  /** Let the next minute begin, and tell which it is, in minutes since the epoch; so many jobs are ready before it. */
  async minute(armed: number): Promise<number> {
    this.#at += MINUTE;
    if (armed > 0) {
      this.#set(this.#at - 100);
      await this.#until(`${armed} jobs are held back`, () => this.#held() === armed);
    }
    this.#set(this.#at);
    return this.#at / MINUTE;
  }

  /** Wait until cron has kept that it has seen to a minute. */
  async passed(minute: number): Promise<void> {
    const kept = (): boolean => read(this.#sandbox.path('state/last-minute')).includes(`${minute}`);
    await this.#until('the minute has passed', kept);
  }

  /** Wait until so many lines are there, and return them. */
  async lines(count: number): Promise<string[]> {
    const lines = (): string[] => read(this.#sandbox.path('lines')).split('\n').slice(0, -1);
    await this.#until(`${count} lines`, () => lines().length >= count);
    return lines();
  }

  /** Wait until so many runs are over in all, and the scheduler knows of the last one. */
  async over(count: number): Promise<void> {
    const journals = this.#sandbox.path('state/journal');
    const done = (): number =>
      sum(readdirSync(journals), (name) => read(`${journals}/${name}`).split('"done"').length - 1);
    await this.#until(`${count} runs are over`, () => done() === count);
    const records = this.#sandbox.path('state/record');
    const size = (name: string): number => read(`${records}/${name}`).length;
    await this.#until('the scheduler knows of them', () => {
      const told: Record<string, number> = JSON.parse(read(`${records}/told`) || '{}');
      return Object.entries(told).every(([name, place]) => size(name) === place);
    });
  }

  #held(): number {
    const shells = childrenOf(this.runner).map((pid) => read(`/proc/${pid}/cmdline`));
    return shells.filter((line) => WAITING.test(line)).length;
  }

  async #until(what: string, fact: () => boolean): Promise<void> {
    await until(what, fact, { limit: 60_000, evidence: () => this.#sandbox.evidence() });
  }
}

/** A shell that reads the script, as one of few jobs or of many. */
const WAITING = /^\/bin\/sh\0(?:-c\0\. )?\/proc\/self\/fd\/3/;

function sum<T>(things: readonly T[], of: (thing: T) => number): number {
  return things.reduce((all, thing) => all + of(thing), 0);
}

/** Nothing, where there is no such file or no such process any more. */
function read(file: string): string {
  try {
    return existsSync(file) ? readFileSync(file, 'latin1') : '';
  } catch {
    return '';
  }
}
