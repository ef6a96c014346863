/** Jobs that sleep, under all crons at once → what each costs in memory besides itself, as long as it runs. */
import { type Ask, type Case, type Course, minuteIn, until } from '../beside/course.ts';
import { type Figure, row } from '../beside/figures.ts';
import { memoryOf, without } from '../beside/memory.ts';
import { type Stage, withStages } from '../beside/stage.ts';
import { tabsOf } from '../beside/tabs.ts';

/** From their start to the minute, at least. */
const LEAD = 20_000;
/** From the minute until all jobs run, and how long they do, in seconds. */
const [STARTED, LENGTH] = [34, 60];
/** Nothing is made ready for the minute yet, in milliseconds before it. */
const BEFORE = 15_000;

/** So many jobs of one minute. */
export const running: Case = {
  title: (ask) => `${sizeOf(ask).toLocaleString('en')} running jobs`,
  minutes: (_, __, repeat) => repeat,
  measure: async (course, ask) => measure(course, sizeOf(ask)),
};

function sizeOf({ size = 1000 }: Ask): number {
  return size;
}

async function measure({ title, names, tools, repeat, say }: Course, jobs: number) {
  const figures: Figure[] = [];
  for (let round = 0; round < repeat; round++) {
    const minute = minuteIn(LEAD);
    // The shell becomes the command: what is left besides that is the cron's.
    const line = `${new Date(minute).getMinutes()} * * * * exec sleep ${LENGTH}`;
    const tabs = (peer: string) => tabsOf(peer, { entries: jobs, people: 1 }, () => line);
    const scenes = names.map((peer) => ({ peer, tools, tabs: tabs(peer) }));
    await withStages(scenes, async (stages) => {
      await until(minute - BEFORE);
      const idle = new Map(stages.map((stage) => [stage, memoryBeside(stage).memory]));
      await until(minute + STARTED * 1000);
      for (const stage of stages) {
        const is = memoryBeside(stage);
        const columns = {
          'jobs running': is.jobs,
          'processes besides them': is.processes,
          'memory besides them, MB': is.memory / 1024,
          'more for each job, kB': (is.memory - (idle.get(stage) ?? NaN)) / is.jobs,
        };
        figures.push(...row(title, stage.peer, columns));
        say(
          `  ${stage.peer}: ${is.jobs} jobs, ${is.processes} processes besides them, ${(is.memory / 1024).toFixed(1)} MB`,
        );
      }
    });
  }
  return figures;
}

function memoryBeside(stage: Stage): { jobs: number; processes: number; memory: number } {
  const pids = stage.account.pids();
  const own = without(pids, ['sleep']);
  return { jobs: pids.length - own.length, processes: own.length, memory: memoryOf(own) };
}
