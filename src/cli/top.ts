/** cronctl top: what the daemon is doing, second by second → the whole screen, until a key ends it. */
import { setTimeout as pause } from 'node:timers/promises';
import type { RunningInfo } from '../control/answers.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { type Load, readLoads } from '../system/loads.ts';
import { frame, ORDERS, type Usage } from './frame.ts';
import { longOptions } from './longs.ts';
import { lookOf } from './look.ts';
import { GONE, Screen } from './screen.ts';
import { refuseOperands, show } from './shown.ts';
import { askStatus } from './status.ts';

const USAGE = `usage:\tcronctl top [--json] [--config FILE]

\t--json\t(once, an object: the status, and what each job takes)
\t--config FILE\t(read this file and not /etc/mailcron.toml)

\tq\t(quits; so does ^C)
\ts\t(sorts the jobs by age, processor, memory, output)
\tup, down, k, j\t(scroll through the jobs)
\tspace\t(looks now, not at the next second)`;

/** Milliseconds between two looks. */
const PERIOD = 1000;
/** Keys as a terminal in raw mode sends them; arrows in both of its modes. */
const [CONTROL_C, CONTROL_D] = ['\x03', '\x04'];
const [UP, DOWN] = [
  ['\x1b[A', '\x1bOA'],
  ['\x1b[B', '\x1bOB'],
];

/** Show what runs, comes and ends, until a key ends it; returns the exit status. */
export async function top(args: readonly string[]): Promise<number> {
  const { options, operands } = longOptions(args, ['json', 'config:', 'help'], '', USAGE);
  if (options.has('help')) return show(USAGE);
  refuseOperands(operands, USAGE);
  if (options.has('json')) return show(JSON.stringify(await snapshot(options.get('config'))));
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
  if (!isTerminal || (process.env['TERM'] ?? 'dumb') === 'dumb')
    throw new Failure('top needs a terminal: "cronctl status" tells the same once', {
      exit: EXIT.USAGE,
    });
  await watch(options.get('config'));
  // An answer that never comes must not keep who is leaving.
  return process.exit(EXIT.OK);
}

/** What runs, with what it takes: percent of a processor in a second, bytes of memory; null: it began or ended meanwhile. */
async function snapshot(config: string | undefined): Promise<object> {
  const usages = new Usages();
  usages.look((await askStatus(config)).running);
  await pause(PERIOD);
  const status = await askStatus(config);
  const usage = usages.look(status.running);
  const none: Usage = { cpu: null, memory: null };
  return {
    ...status,
    running: status.running.map((job) => ({ ...job, ...(usage.get(job.run) ?? none) })),
  };
}

async function watch(config: string | undefined): Promise<void> {
  let status = await askStatus(config); // without a cron there is nothing to see
  const usages = new Usages();
  let usage = usages.look(status.running);
  let [problem, order, above] = ['', 0, 0];
  const draw = (): void => {
    const { columns, rows } = screen.size;
    const look = { ...lookOf(process.stdout, process.env), width: columns };
    const view = { status, problem, usage, above, order: ORDERS[order] ?? 'age', now: Date.now() };
    const drawn = frame(view, rows, look);
    above = drawn.above;
    screen.draw(drawn.lines);
  };
  const scroll = (by: number): void => {
    above = Math.max(0, above + by);
    draw();
  };
  const sort = (): void => {
    [order, above] = [(order + 1) % ORDERS.length, 0];
    draw();
  };
  const end = new AbortController();
  let wake = (): void => {};
  const left = new Promise<null>((resolve) =>
    end.signal.addEventListener('abort', () => resolve(null), { once: true }),
  );
  const quit = (): void => end.abort();
  const keys = new Map([
    ...['q', 'Q', CONTROL_C, CONTROL_D, GONE].map((key) => [key, quit] as const),
    ...['j', ...DOWN].map((key) => [key, () => scroll(1)] as const),
    ...['k', ...UP].map((key) => [key, () => scroll(-1)] as const),
    ['s', sort],
    [' ', () => wake()],
  ]);
  const screen = new Screen((key) => keys.get(key)?.(), draw);
  try {
    while (!end.signal.aborted) {
      draw();
      const woken = new Promise<void>((resolve) => (wake = resolve));
      await Promise.race([pause(PERIOD), woken, left]);
      try {
        const told = await Promise.race([askStatus(config), left]);
        if (told === null) return;
        [status, problem, usage] = [told, '', usages.look(told.running)];
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        problem = error.message;
      }
    }
  } finally {
    screen.close();
  }
}

/** What jobs take, from one look to the next. */
class Usages {
  #loads = new Map<number, Load>();
  #at = performance.now();

  look(running: readonly RunningInfo[]): Map<string, Usage> {
    const now = performance.now();
    const loads = readLoads(new Set(running.flatMap(({ pid }) => (pid === 0 ? [] : [pid]))));
    const usage = running.map(({ run, pid }): [string, Usage] => {
      const [load, before] = [loads.get(pid), this.#loads.get(pid)];
      const busy = load !== undefined && before !== undefined ? load.busy - before.busy : null;
      const cpu = busy === null ? null : Math.max(0, (100 * busy) / (now - this.#at));
      return [run, { cpu, memory: load?.memory ?? null }];
    });
    [this.#loads, this.#at] = [loads, now];
    return new Map(usage);
  }
}
