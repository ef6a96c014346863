/** Thousands of jobs while everything goes wrong → whether each output arrived. `npm run faults -- 2000 [seed] [program|smtp] [waves]` */
import { programWay } from './faults/mailer.ts';
import { relayWay } from './faults/relay.ts';
import { run } from './faults/course.ts';
import { enterOwnMounts } from './mounts.ts';

const [count = '2000', seeded, only, waves = '40'] = process.argv.slice(2);
const jobs = Number(count);
const seed = Number(seeded ?? Date.now() % 2 ** 31);
const isRoot = process.getuid?.() === 0;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const words = [count, `${seed}`, ...(only === undefined ? [] : [only, waves])];
// A full disk needs a mount, and nobody else is to see that.
if (!isRoot || enterOwnMounts(...words)) {
  say(`seed ${seed}${isRoot ? '' : '; no full disk: that needs root'}`);
  const ways = { program: programWay, smtp: relayWay };
  for (const [name, way] of Object.entries(ways)) {
    if (only !== undefined && only !== name) continue;
    const since = performance.now();
    const wave = Math.ceil(jobs / Number(waves));
    const { figures, wrong } = await run({ jobs, wave, seed, hasDisk: isRoot, way, say });
    say(`${name}: ${jobs} jobs in ${Math.round((performance.now() - since) / 1000)} s`);
    for (const [what, figure] of Object.entries(figures)) say(`  ${what}: ${figure}`);
    for (const sentence of wrong.slice(0, 40)) say(`  WRONG: ${sentence}`);
    if (wrong.length > 0) process.exitCode = 1;
  }
}
