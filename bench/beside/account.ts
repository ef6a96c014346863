/** A control group of one's own → the processor time and the processes of a cron with all that it starts. */
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export class Account {
  readonly folder: string;
  readonly #used: () => number;

  constructor(name: string) {
    const mounts = readFileSync('/proc/self/mounts', 'latin1').split('\n');
    const where = (matches: (type: string, options: string) => boolean): string | undefined =>
      mounts
        .map((line) => line.split(' '))
        .find(([, , type = '', options = '']) => matches(type, options))?.[1];
    const unified = where((type) => type === 'cgroup2');
    const parent =
      unified ??
      where((type, options) => type === 'cgroup' && options.split(',').includes('cpuacct'));
    if (parent === undefined) throw new Error('there is no cgroup to count processor time by');
    this.folder = join(parent, name);
    mkdirSync(this.folder);
    this.#used =
      unified === undefined
        ? () => Number(this.#read('cpuacct.usage')) / 1e6
        : () => Number(/^usage_usec (\d+)$/m.exec(this.#read('cpu.stat'))?.[1]) / 1e3;
  }

  #read(file: string): string {
    return readFileSync(join(this.folder, file), 'latin1');
  }

  /** Processor time so far, in milliseconds. */
  used(): number {
    return this.#used();
  }

  pids(): readonly number[] {
    return this.#read('cgroup.procs').split('\n').filter(Boolean).map(Number);
  }

  /** Remove it, when the last process has gone. */
  async close(): Promise<void> {
    for (let tries = 0; tries < 500; tries++) {
      try {
        rmdirSync(this.folder);
        return;
      } catch {
        await pause(20); // one that is being ended keeps it busy
      }
    }
    throw new Error(`processes stay in ${this.folder}`);
  }
}
