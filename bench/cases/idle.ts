/** Crons of which nothing is due, side by side → how often each wakes up, and what that costs. */
import { type Ask, type Case, type Course, MINUTE, minuteIn, until } from '../beside/course.ts';
import { type Figure, row } from '../beside/figures.ts';
import { wakesOf, without } from '../beside/memory.ts';
import { type Stage, withStages } from '../beside/stage.ts';
import { notSoon, tabsOf } from '../beside/tabs.ts';

/** From their start until they are counted: what follows loading is over. */
const LEAD = 75_000;
/** What is counted is told for so many minutes. */
const SPAN = 3;
/** Minutes are counted from so long after they began: what is done at a minute is over. */
const WITHIN = 20_000;

/**
 * So many users with an entry each; each cron runs once, and is counted for one span after the other. More copies of it
 * at the same time would wait for each other at each minute, and be counted for that.
 */
export const idle: Case = {
  title: (ask) => `idle with ${sizeOf(ask).toLocaleString('en')} users, for ${SPAN} minutes`,
  minutes: (_ask, _crons, repeat) => LEAD / MINUTE + 1 + SPAN * repeat,
  measure: async (course, ask) => measure(course, sizeOf(ask)),
};

function sizeOf({ size = 1000 }: Ask): number {
  return size;
}

async function measure({ title, names, tools, repeat, say }: Course, people: number) {
  const figures: Figure[] = [];
  const scenes = names.map((peer) => {
    const size = { entries: people, people: Math.max(1, people) };
    return { peer, tools, tabs: tabsOf(peer, size, (entry) => `${notSoon(entry)} true`) };
  });
  await withStages(scenes, async (stages) => {
    const at = minuteIn(LEAD) + WITHIN;
    await until(at);
    const before = new Map(stages.map((stage) => [stage, count(stage)]));
    for (let round = 1; round <= repeat; round++) {
      await until(at + round * SPAN * MINUTE);
      for (const stage of stages) {
        const [was, is] = [before.get(stage), count(stage)];
        before.set(stage, is);
        const wakes = [...is.wakes].map(([pid, times]) => times - (was?.wakes.get(pid) ?? 0));
        const columns = {
          processes: wakes.length,
          'wake-ups': wakes.reduce((sum, times) => sum + times, 0),
          'wake-ups of one process at most': Math.max(0, ...wakes),
          'CPU, ms': is.used - (was?.used ?? 0),
        };
        figures.push(...row(title, stage.peer, columns));
        say(
          `  ${stage.peer}: ${columns['wake-ups']} wake-ups of ${wakes.length} processes, ${columns['CPU, ms'].toFixed(1)} ms of CPU`,
        );
      }
    }
  });
  return figures;
}

function count(stage: Stage): { readonly used: number; readonly wakes: Map<number, number> } {
  return { used: stage.account.used(), wakes: wakesOf(without(stage.account.pids(), [])) };
}
