/** What went wrong → a program of the administrator's, run with the facts in its environment; never too many. */
import { closeSync, openSync } from 'node:fs';
import { capture } from '../system/capture.ts';
import { reason } from '../system/failure.ts';
import { pipe } from '../system/libc/descriptors.ts';
import type { Launcher } from '../system/program.ts';
import { signalSession } from '../system/session.ts';
import type { Log } from '../system/sink.ts';
import type { User } from '../system/users.ts';

/** Names and values; what stands in them is not trusted, and made harmless here. */
export type Facts = Readonly<Record<string, string | number | null>>;

/** How hooks are run. */
export interface HooksSetup {
  /** The program and its arguments for each event; nothing where there is none. */
  readonly programs: Readonly<Record<string, readonly [string, ...string[]] | undefined>>;
  /** Who runs them. @throws when there is no such user */
  readonly user: () => Promise<User>;
  readonly launcher: Launcher;
  readonly log: Log;
  /** Started in a minute at most; what is more is counted. */
  readonly perMinute: number;
  /** In milliseconds. */
  readonly timeout: number;
}

const MINUTE = 60_000;
/** Bytes of a fact at most: more than a line of a log, less than what makes execve(2) fail. */
const FACT_LIMIT = 4096;
/** Bytes of what a hook prints that are logged when it fails. */
const SAID = 500;
/** Nothing of ours, and nothing of a crontab. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Runs the hooks. */
export class Hooks {
  readonly #setup: HooksSetup;
  /** When those of the last minute were started, on a clock that is never set. */
  #started: number[] = [];
  #untold = 0;
  readonly #running = new Set<Promise<void>>();
  /** Sessions of hooks that run. */
  readonly #sessions = new Set<number>();

  constructor(setup: HooksSetup) {
    this.#setup = setup;
  }

  /** Run the hook of an event, if there is one. Never throws and is not waited for: what goes wrong is logged. */
  tell(event: string, facts: Facts): void {
    const argv = this.#setup.programs[event];
    if (argv === undefined) return;
    const now = performance.now();
    this.#started = this.#started.filter((at) => now - at < MINUTE);
    if (this.#started.length >= this.#setup.perMinute) {
      if (this.#untold++ === 0)
        this.#complain(`more than ${this.#setup.perMinute} hooks a minute: the rest is counted`);
      return;
    }
    this.#started.push(now);
    const environment = environmentOf({ event, untold: this.#untold, ...facts });
    this.#untold = 0;
    const run = this.#run(argv, environment).catch((error: unknown) =>
      this.#complain(`hook "${argv[0]}" could not be run: ${reason(error)}`),
    );
    this.#running.add(run);
    void run.finally(() => this.#running.delete(run));
  }

  /** End those that run: cron ends. */
  async close(): Promise<void> {
    for (const leader of this.#sessions) signalSession(leader, 'SIGTERM');
    await Promise.race([Promise.all(this.#running), new Promise((end) => setTimeout(end, 1000))]);
    for (const leader of this.#sessions) signalSession(leader, 'SIGKILL');
  }

  async #run(
    argv: readonly [string, ...string[]],
    environment: readonly (readonly [string, string])[],
  ): Promise<void> {
    const { launcher, timeout } = this.#setup;
    const user = await this.#setup.user();
    const nothing = openSync('/dev/null', 'r');
    const output = pipe();
    let said = Buffer.alloc(0);
    const { closed } = capture(output.read, (bytes) => {
      if (said.length < SAID) said = Buffer.concat([said, bytes.subarray(0, SAID)]);
    });
    let running;
    try {
      const identity = [
        ['HOME', user.home],
        ['LOGNAME', user.name],
        ['USER', user.name],
        ['PATH', PATH],
        ['SHELL', '/bin/sh'],
      ] as const;
      running = await launcher.start({
        user,
        argv,
        environment: [...identity, ...environment],
        directory: '/',
        stdin: nothing,
        output: output.write,
      });
    } finally {
      closeSync(nothing);
      closeSync(output.write);
    }
    const { pid, ended } = running;
    this.#sessions.add(pid);
    let isLate = false;
    const end = setTimeout(() => {
      isLate = true;
      signalSession(pid, 'SIGKILL');
    }, timeout);
    const { code, signal, reached } = await ended;
    clearTimeout(end);
    this.#sessions.delete(pid);
    if (!isLate && code === 0) return;
    await Promise.race([closed, new Promise((enough) => setTimeout(enough, 100))]);
    const how = isLate
      ? `was ended after ${timeout / 1000} s`
      : !reached
        ? 'could not be started'
        : signal === null
          ? `failed with exit status ${code}`
          : `was ended by ${signal}`;
    const words = said.toString('utf8').trim();
    this.#complain(`hook "${argv[0]}" ${how}${words === '' ? '' : `: ${words}`}`);
  }

  #complain(problem: string): void {
    this.#setup.log('CRON', 'ERROR', problem, { level: 'error' });
  }
}

/** Every name is fixed, and no value has a control character or an end of its own. */
function environmentOf(facts: Facts): (readonly [string, string])[] {
  return Object.entries(facts).flatMap(([name, value]) =>
    value === null ? [] : [[`CRON_${name.toUpperCase()}`, harmless(`${value}`)] as const],
  );
}

/** As a byte string: launchers take these. */
function harmless(value: string): string {
  const plain = value.slice(0, FACT_LIMIT).replaceAll(/[\p{Cc}\u2028\u2029]/gu, ' ');
  return Buffer.from(plain, 'utf8').toString('latin1');
}
