/** 24 hours of 200 crontabs as fast as they can pass → whether each job ran once, and memory. `npm run soak -- 1440 [seed] [crontabs]` */
import { enterOwnMounts } from './mounts.ts';
import { soak } from './soak/course.ts';

const [minutes = '1440', seeded, crontabs = '200'] = process.argv.slice(2);
const seed = Number(seeded ?? Date.now() % 2 ** 31);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

if (process.getuid?.() !== 0) {
  say('This needs root: its crontabs are of many users.');
  process.exitCode = 77;
} else if (enterOwnMounts(minutes, `${seed}`, crontabs)) {
  // A day of jobs takes each pid more than once: by its mounts, what is left of one is told from a stranger.
  say(`seed ${seed}`);
  const since = performance.now();
  const {
    runs,
    mails,
    samples,
    wrong: found,
  } = await soak({
    crontabs: Number(crontabs),
    minutes: Number(minutes),
    seed,
    // The day on which summer time ends: it has 25 hours on the wall.
    zone: 'Europe/Berlin',
    from: Date.parse('2026-10-24T22:00Z'),
    say,
  });
  const wrong = [...found];
  const seconds = Math.round((performance.now() - since) / 1000);
  say(`${minutes} minutes in ${seconds} s: ${runs} runs, ${mails} mails`);
  const [first, last] = [samples[0], samples.at(-1)];
  for (const name of ['scheduler', 'runner', 'descriptors'] as const) {
    const [before, after] = [first?.[name] ?? 0, last?.[name] ?? 0];
    say(`  ${name}: ${before} after the first hour, ${after} at the end`);
    if (after > 1.1 * before) wrong.push(`${name} has grown by more than a tenth`);
  }
  for (const sentence of wrong.slice(0, 40)) say(`  WRONG: ${sentence}`);
  if (wrong.length > 0) process.exitCode = 1;
}
