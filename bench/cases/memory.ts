/** Crontabs of which nothing is due, none or many → what a cron's memory is then, and how long it took to load them. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Ask, type Case, type Course, quietFor } from '../beside/course.ts';
import { type Figure, row } from '../beside/figures.ts';
import { memoryOf, without } from '../beside/memory.ts';
import { Stage } from '../beside/stage.ts';
import { notSoon, tabsOf } from '../beside/tabs.ts';

/** It has loaded when it did nothing for so long, in milliseconds, or takes longer than anybody waits. */
const QUIET = 1500;
const PATIENCE = 30_000;
/** What it does last of all, and later, is no part of that: so much processor time, in milliseconds, such as a timer's. */
const REST = 5;

interface Rest {
  /** Kilobytes. */
  readonly memory: number;
  /** Milliseconds from the start until it did nothing more to speak of, and the processor time of all. */
  readonly took: number;
  readonly cpu: number;
}

/** So many entries of so many users. */
export const memory: Case = {
  title: (ask) => {
    const { entries, people } = sizeOf(ask);
    return `${entries.toLocaleString('en')} entries of ${people} users`;
  },
  minutes: (ask, crons, repeat) => crons * repeat * (sizeOf(ask).entries > 10_000 ? 0.35 : 0.25),
  measure: async (course, ask) => measure(course, sizeOf(ask)),
};

interface Size {
  readonly entries: number;
  readonly people: number;
}

function sizeOf({ size: entries = 10_000, people = Math.ceil(entries / 1000) }: Ask): Size {
  return { entries, people };
}

/** The many, after the same without any. */
async function measure(course: Course, { entries, people }: Size): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (let round = 0; round < course.repeat; round++)
    for (const peer of course.names) {
      const empty = await rest(course, peer, { entries: 0, people: 1 });
      const full = await rest(course, peer, { entries, people });
      const columns = {
        'memory when empty, MB': empty.memory / 1024,
        'memory, MB': full.memory / 1024,
        'bytes an entry': ((full.memory - empty.memory) * 1024) / entries,
        'start when empty, ms': empty.took,
        'start, ms': full.took,
        'loading, ms': full.took - empty.took,
        'CPU of loading, ms': full.cpu - empty.cpu,
      };
      figures.push(...row(course.title, peer, columns));
      course.say(
        `  ${peer}: ${Object.entries(columns)
          .map(([what, value]) => `${what} ${value.toFixed(1)}`)
          .join('; ')}`,
      );
    }
  return figures;
}

async function rest({ tools }: Course, peer: string, size: Size): Promise<Rest> {
  const tabs = tabsOf(peer, size, (entry) => `${notSoon(entry)} /tools/stamp ${entry}`);
  await quietFor(PATIENCE);
  const stage = new Stage({ peer, tools, tabs });
  try {
    await stage.begun(0);
    const since = stage.since();
    const course: { readonly at: number; readonly cpu: number }[] = [];
    let [cpu, at] = [0, Date.now()];
    while (Date.now() < at + QUIET && Date.now() < since + PATIENCE) {
      const used = stage.account.used();
      if (used > cpu + 0.3) {
        [cpu, at] = [used, Date.now()];
        course.push({ at, cpu });
      }
      await pause(5);
    }
    const loaded = course.find((then) => then.cpu > cpu - REST)?.at ?? at;
    return { memory: memoryOf(without(stage.account.pids(), [])), took: loaded - since, cpu };
  } finally {
    await stage.close();
  }
}
