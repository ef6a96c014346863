/** Jobs that sleep, under all crons at once → what each costs in memory besides itself, as long as it runs. */
import { type Course, MINUTE, until } from '../beside/course.ts';
import type { Figure } from '../beside/figures.ts';
import { memoryOf, without } from '../beside/memory.ts';
import { Stage } from '../beside/stage.ts';
import { tabsOf } from '../beside/tabs.ts';

/** From their start to the minute, at least. */
const LEAD = 20_000;
/** From the minute until all jobs run, and how long they do, in seconds. */
const [STARTED, LENGTH] = [40, 60];
/** Nothing is made ready for the minute yet, in milliseconds before it. */
const BEFORE = 15_000;

/** So many jobs of one minute. */
export async function running(course: Course, jobs: number): Promise<Figure[]> {
  const title = `${jobs.toLocaleString('en')} running jobs`;
  const figures: Figure[] = [];
  for (let round = 0; round < course.repeat; round++) {
    const minute = Math.ceil((Date.now() + LEAD) / MINUTE) * MINUTE;
    // The shell becomes the command: what is left besides that is the cron's.
    const line = `${new Date(minute).getMinutes()} * * * * exec sleep ${LENGTH}`;
    const stages = new Map<string, Stage>();
    try {
      for (const peer of course.names) {
        const tabs = tabsOf(peer, { entries: jobs, people: 1 }, () => line);
        const scene = { peer, tools: course.tools, tabs, people: tabs.size, groups: 0 };
        stages.set(peer, new Stage(scene));
      }
      await Promise.all([...stages.values()].map(async (stage) => stage.begun()));
      await until(minute - BEFORE);
      const idle = new Map([...stages].map(([peer, stage]) => [peer, memoryBeside(stage)]));
      await until(minute + STARTED * 1000);
      for (const [peer, stage] of stages) {
        const is = memoryBeside(stage);
        const columns = {
          'jobs running': is.jobs,
          'processes besides them': is.processes,
          'memory besides them, MB': is.memory / 1024,
          'more for each job, kB': (is.memory - (idle.get(peer)?.memory ?? NaN)) / is.jobs,
        };
        for (const [what, value] of Object.entries(columns))
          figures.push({ title, peer, what, value });
        course.say(
          `  ${peer}: ${is.jobs} jobs, ${is.processes} processes besides them, ${(is.memory / 1024).toFixed(1)} MB`,
        );
      }
    } finally {
      await Promise.all([...stages.values()].map(async (stage) => stage.close()));
    }
  }
  return figures;
}

function memoryBeside(stage: Stage): { jobs: number; processes: number; memory: number } {
  const pids = stage.account.pids();
  const own = without(pids, ['sleep']);
  return { jobs: pids.length - own.length, processes: own.length, memory: memoryOf(own) };
}
