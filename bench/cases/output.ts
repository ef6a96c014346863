/** A job that prints much → how fast it gets rid of it, when its mail is complete, and how the cron grows meanwhile. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Ask, type Case, type Course, minuteIn, until } from '../beside/course.ts';
import { type Figure, row } from '../beside/figures.ts';
import { memoryOf, without } from '../beside/memory.ts';
import { type Stage, withStage } from '../beside/stage.ts';

const LEAD = 10_000;
/** So long before the job begins memory is counted for the first time: what any job needs is there by then. */
const BEFORE = 200;
/** One that takes longer has no figure. */
const PATIENCE = 55_000;
/** What jobs and boxes run besides the cron. */
const NOT_ITS = ['sh', 'flood', 'sendmail'];

/** So many MiB. */
export const output: Case = {
  title: (ask) => `a job that prints ${sizeOf(ask).toLocaleString('en')} MiB`,
  minutes: (_, crons, repeat) => crons * repeat,
  measure: async (course, ask) => measure(course, sizeOf(ask)),
};

function sizeOf({ size = 1024 }: Ask): number {
  return size;
}

async function measure({ title, names, tools, repeat, say }: Course, mebibytes: number) {
  const figures: Figure[] = [];
  for (let round = 0; round < repeat; round++)
    for (const peer of names) {
      const minute = minuteIn(LEAD);
      const line = `${new Date(minute).getMinutes()} * * * * /tools/flood ${mebibytes}`;
      const tabs = new Map([['u0', `MAILTO=u0\n${line}\n`]]);
      const columns = await withStage({ peer, tools, tabs }, async (stage) =>
        watch(stage, minute, mebibytes),
      );
      figures.push(...row(title, peer, columns));
      say(
        `  ${peer}: ${columns['into the cron, MiB/s'].toFixed(0)} MiB/s, mail after ${columns['mail complete after, s'].toFixed(2)} s, ` +
          `${columns['more memory, MB'].toFixed(1)} MB more`,
      );
    }
  return figures;
}

async function watch(stage: Stage, minute: number, mebibytes: number) {
  const now = (): number => memoryOf(without(stage.account.pids(), NOT_ITS));
  await until(minute - BEFORE);
  const before = now();
  let most = before;
  while (Date.now() < minute + PATIENCE && stage.mails().length === 0) {
    most = Math.max(most, now());
    await pause(50);
  }
  const [began = NaN, ended = NaN] = stage.stamps().map(({ at }) => at);
  const [mailed = NaN] = stage.mails();
  return {
    'into the cron, MiB/s': (mebibytes * 1000) / (ended - began),
    'mail complete after, s': (mailed - began) / 1000,
    'more memory, MB': (most - before) / 1024,
  };
}
