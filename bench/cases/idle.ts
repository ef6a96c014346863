/** Crons of which nothing is due, all at the same time → how often each wakes up, and what that costs. */
import { type Course, MINUTE, until } from '../beside/course.ts';
import type { Figure } from '../beside/figures.ts';
import { wakesOf, without } from '../beside/memory.ts';
import { Stage } from '../beside/stage.ts';
import { notSoon, tabsOf } from '../beside/tabs.ts';

/** From their start until they are counted: what follows loading is over. */
const LEAD = 75_000;
/** What is counted is told for so many minutes. */
const SPAN = 3;
/** A minute is counted from its second second on. */
const WITHIN = 20_000;

/** So many users with an entry each. */
export async function idle(course: Course, people: number): Promise<Figure[]> {
  const title = `idle with ${people.toLocaleString('en')} users, for ${SPAN} minutes`;
  const stages = new Map<string, Stage>();
  const figures: Figure[] = [];
  try {
    for (const peer of course.names) {
      const size = { entries: people, people: Math.max(1, people) };
      const tabs = tabsOf(peer, size, (entry) => `${notSoon(entry)} true`);
      const stage = new Stage({ peer, tools: course.tools, tabs, people: tabs.size, groups: 0 });
      stages.set(peer, stage);
      await stage.begun();
    }
    let at = Math.ceil((Date.now() + LEAD) / MINUTE) * MINUTE + WITHIN;
    for (let round = 0; round < course.repeat; round++, at += SPAN * MINUTE) {
      await until(at);
      const before = new Map([...stages].map(([peer, stage]) => [peer, count(stage)]));
      await until(at + SPAN * MINUTE);
      for (const [peer, stage] of stages) {
        const [was, is] = [before.get(peer), count(stage)];
        const wakes = [...is.wakes].map(([pid, times]) => times - (was?.wakes.get(pid) ?? 0));
        const columns = {
          processes: wakes.length,
          'wake-ups': wakes.reduce((sum, times) => sum + times, 0),
          'wake-ups of one process at most': Math.max(0, ...wakes),
          'CPU, ms': is.used - (was?.used ?? 0),
        };
        for (const [what, value] of Object.entries(columns))
          figures.push({ title, peer, what, value });
        course.say(
          `  ${peer}: ${columns['wake-ups']} wake-ups of ${wakes.length} processes, ${columns['CPU, ms'].toFixed(1)} ms of CPU`,
        );
      }
    }
    return figures;
  } finally {
    await Promise.all([...stages.values()].map(async (stage) => stage.close()));
  }
}

function count(stage: Stage): { readonly used: number; readonly wakes: Map<number, number> } {
  return { used: stage.account.used(), wakes: wakesOf(without(stage.account.pids(), [])) };
}
