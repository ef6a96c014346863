/** Crontabs that are installed just before a minute → whether their entries ran at it. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Course, MINUTE, until } from '../beside/course.ts';
import type { Figure } from '../beside/figures.ts';
import { peers } from '../beside/peers.ts';
import { Stage } from '../beside/stage.ts';

/** From the start to the first minute, at least. */
const LEAD = 10_000;
/** One after the other is installed in the last seconds before the minute. */
const BEFORE = 2500;
/** A cron that has not started it so long after the minute does not. */
const AFTER = 20_000;

/** Each installs tables of one user, each with an entry of its own, as fast as it can until the minute begins. */
export async function install(course: Course): Promise<Figure[]> {
  const title = 'a crontab installed just before the minute';
  const figures: Figure[] = [];
  for (const peer of course.names.filter((name) => peers[name]?.install !== null)) {
    const tabs = new Map([['u0', '# nothing yet\n']]);
    const stage = new Stage({ peer, tools: course.tools, tabs, people: 1, groups: 0 });
    try {
      await stage.begun();
      let minute = Math.ceil((Date.now() + LEAD) / MINUTE) * MINUTE;
      for (let round = 0; round < course.repeat; round++, minute += MINUTE) {
        await until(minute - BEFORE);
        const last = await installUntil(stage, { peer, minute, round });
        await pause(minute + AFTER - Date.now());
        const ran = stage.stamps().filter(({ at }) => at >= minute && at < minute + AFTER);
        const columns = {
          'last one in force before the minute, ms': minute - last.at,
          'ran at it': ran.some(({ id }) => id === last.id) ? 1 : 0,
        };
        for (const [what, value] of Object.entries(columns))
          figures.push({ title, peer, what, value });
        course.say(
          `  ${peer}: the last crontab was installed ${(minute - last.at).toFixed(0)} ms before the minute; ` +
            `${ran.length === 0 ? 'nothing' : ran.map(({ id }) => id).join(', ')} ran, the last was ${last.id}`,
        );
      }
    } finally {
      await stage.close();
    }
  }
  return figures;
}

/** The last whose `crontab` had ended before the minute, and when. */
async function installUntil(
  stage: Stage,
  {
    peer,
    minute,
    round,
  }: { readonly peer: string; readonly minute: number; readonly round: number },
): Promise<{ readonly id: string; readonly at: number }> {
  const { quiet = '', install: command } = peers[peer] ?? {};
  let [last, took] = [{ id: 'none', at: NaN }, 0];
  for (let n = 0; Date.now() + took < minute; n++) {
    const id = `${round}.${n}`;
    const text = `${quiet}\n* * * * * /tools/stamp ${id}\n`;
    writeFileSync(join(stage.folder, 'new'), text, { mode: 0o644 });
    const begun = Date.now();
    const [status] = await once(stage.enter([...(command ?? []), '/bench/new']), 'exit');
    if (status !== 0) throw new Error(`${peer}: cannot install a crontab: ${status}`);
    const at = Date.now();
    took = Math.max(took, at - begun);
    if (at < minute) last = { id, at };
  }
  return last;
}
