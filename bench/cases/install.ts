/** Crontabs that are installed just before a minute → whether their entries ran at it. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Case, type Course, MINUTE, minuteIn, until } from '../beside/course.ts';
import { type Figure, row } from '../beside/figures.ts';
import { peers } from '../beside/peers.ts';
import { type Stage, withStage } from '../beside/stage.ts';

/** From the start to the first minute, at least. */
const LEAD = 10_000;
/** One after the other is installed in the last seconds before the minute. */
const BEFORE = 2500;
/** A cron that has not started it so long after the minute does not. */
const AFTER = 20_000;

/** Each installs tables of one user, each with an entry of its own, as fast as it can until the minute begins. */
export const install: Case = {
  title: () => 'a crontab installed just before the minute',
  minutes: (_, crons, repeat) => crons * repeat,
  measure,
};

async function measure({ title, names, tools, repeat, say }: Course): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const peer of names) {
    const tabs = new Map([['u0', '# nothing yet\n']]);
    await withStage({ peer, tools, tabs }, async (stage) => {
      let minute = minuteIn(LEAD);
      for (let round = 0; round < repeat; round++, minute += MINUTE) {
        await until(minute - BEFORE);
        const last = await installUntil(stage, minute, round);
        await pause(minute + AFTER - Date.now());
        const ran = stage.stamps().filter(({ at }) => at >= minute && at < minute + AFTER);
        const columns = {
          'last one in force before the minute, ms': minute - last.at,
          'ran at it': ran.some(({ id }) => id === last.id) ? 1 : 0,
        };
        figures.push(...row(title, peer, columns));
        say(
          `  ${peer}: the last crontab was installed ${(minute - last.at).toFixed(0)} ms before the minute; ` +
            `${ran.length === 0 ? 'nothing' : ran.map(({ id }) => id).join(', ')} ran, the last was ${last.id}`,
        );
      }
    });
  }
  return figures;
}

/** The last whose `crontab` had ended before the minute, and when. */
async function installUntil(
  stage: Stage,
  minute: number,
  round: number,
): Promise<{ readonly id: string; readonly at: number }> {
  const { quiet = '', install: command = [] } = peers[stage.peer] ?? {};
  let [last, took] = [{ id: 'none', at: NaN }, 0];
  for (let n = 0; Date.now() + took < minute; n++) {
    const id = `${round}.${n}`;
    const text = `${quiet}\n* * * * * /tools/stamp ${id}\n`;
    writeFileSync(join(stage.folder, 'new'), text, { mode: 0o644 });
    const begun = Date.now();
    const [status] = await once(stage.enter([...command, '/bench/new']), 'exit');
    if (status !== 0) throw new Error(`${stage.peer}: cannot install a crontab: ${status}`);
    const at = Date.now();
    took = Math.max(took, at - begun);
    if (at < minute) last = { id, at };
  }
  return last;
}
