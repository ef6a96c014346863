/** Jobs each minute while everything goes wrong → whether each ran once and arrived. `npm run faults:minutes -- 5 [seed]` */
import { runMinutes } from './faults/minutes.ts';
import { enterOwnMounts } from './mounts.ts';

const [minutes = '5', seeded] = process.argv.slice(2);
const seed = Number(seeded ?? Date.now() % 2 ** 31);

const say = (line: string): void => void process.stdout.write(`${line}\n`);

if (process.getuid?.() !== 0) {
  say('This needs root: it fills a disk of its own.');
  process.exitCode = 77;
} else if (enterOwnMounts(minutes, `${seed}`)) {
  // A full disk needs a mount, and nobody else is to see that.
  say(`seed ${seed}`);
  const { figures, wrong } = await runMinutes({ seconds: Number(minutes) * 60, seed, say });
  for (const [what, figure] of Object.entries(figures)) say(`  ${what}: ${figure}`);
  for (const sentence of wrong.slice(0, 40)) say(`  WRONG: ${sentence}`);
  if (wrong.length > 0) process.exitCode = 1;
}
