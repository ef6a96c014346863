/** A job that prints much → how fast it gets rid of it, when its mail is complete, and how the cron grows meanwhile. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Course, MINUTE, until } from '../beside/course.ts';
import type { Figure } from '../beside/figures.ts';
import { memoryOf, without } from '../beside/memory.ts';
import { Stage } from '../beside/stage.ts';

const LEAD = 10_000;
/** One that takes longer has no figure. */
const PATIENCE = 55_000;
/** What jobs and boxes run besides the cron. */
const NOT_ITS = ['sh', 'flood', 'sendmail'];

/** So many MiB. */
export async function output(course: Course, mebibytes: number): Promise<Figure[]> {
  const title = `a job that prints ${mebibytes.toLocaleString('en')} MiB`;
  const figures: Figure[] = [];
  for (let round = 0; round < course.repeat; round++)
    for (const peer of course.names) {
      const minute = Math.ceil((Date.now() + LEAD) / MINUTE) * MINUTE;
      const line = `${new Date(minute).getMinutes()} * * * * /tools/flood ${mebibytes}`;
      const tabs = new Map([['u0', `MAILTO=u0\n${line}\n`]]);
      const stage = new Stage({ peer, tools: course.tools, tabs, people: 1, groups: 0 });
      try {
        await stage.begun();
        await until(minute - 3000);
        const now = (): number => memoryOf(without(stage.account.pids(), NOT_ITS));
        const before = now();
        let most = before;
        while (Date.now() < minute + PATIENCE && stage.mails().length === 0) {
          most = Math.max(most, now());
          await pause(50);
        }
        const [began = NaN, ended = NaN] = stage.stamps().map(({ at }) => at);
        const [mailed = NaN] = stage.mails();
        const columns = {
          'into the cron, MiB/s': (mebibytes * 1000) / (ended - began),
          'mail complete after, s': (mailed - began) / 1000,
          'more memory, MB': (most - before) / 1024,
        };
        for (const [what, value] of Object.entries(columns))
          if (!Number.isNaN(value)) figures.push({ title, peer, what, value });
        course.say(
          `  ${peer}: ${columns['into the cron, MiB/s'].toFixed(0)} MiB/s, mail after ${columns['mail complete after, s'].toFixed(2)} s, ` +
            `${columns['more memory, MB'].toFixed(1)} MB more`,
        );
      } finally {
        await stage.close();
      }
    }
  return figures;
}
