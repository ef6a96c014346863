/** Starts of a job with and without a PAM session → milliseconds, and the memory of a session's holder. Needs a box. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { systemLauncher } from '../src/run/launcher.ts';
import { pamHold } from '../src/run/hold.ts';
import { pipe } from '../src/system/libc/descriptors.ts';
import { systemUsers } from '../src/system/users.ts';

const STARTS = 20;
const user = await systemUsers().find('alice');
if (user === null) throw new Error('there is no alice: run this in test/support/mta');
const launcher = systemLauncher(0, 1024);
const hold = pamHold(fileURLToPath(new URL('../src/cli/hold.js', import.meta.url)), 1024);
const { read, write } = pipe();
const program = { user, environment: [], directory: '/', stdin: read, output: write };

/** Milliseconds from the order to the job's process, on average. */
async function start(withSession: boolean): Promise<number> {
  let sum = 0;
  for (let at = 0; at < STARTS; at++) {
    const begun = performance.now();
    const held = withSession ? await hold(program.user) : undefined;
    const { ended } = await launcher.start({ ...program, argv: ['/bin/true'] }, held);
    sum += performance.now() - begun;
    await ended;
  }
  return sum / STARTS;
}

/** Kilobytes that a holder has for itself, while its job runs and others' holders share the rest. */
async function memory(): Promise<number> {
  const jobs = [];
  for (let at = 0; at < 5; at++) {
    const held = await hold(program.user);
    jobs.push(await launcher.start({ ...program, argv: ['/bin/sleep', '2'] }, held));
  }
  const [first] = jobs;
  const stat = readFileSync(`/proc/${first?.pid}/stat`, 'latin1');
  const holder = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
  const [, kilobytes] =
    /^Pss: +(\d+)/m.exec(readFileSync(`/proc/${holder}/smaps_rollup`, 'latin1')) ?? [];
  await Promise.all(jobs.map(({ ended }) => ended));
  return Number(kilobytes);
}

const report = {
  without: `${(await start(false)).toFixed(1)} ms`,
  with: `${(await start(true)).toFixed(1)} ms`,
  holder: `${((await memory()) / 1024).toFixed(1)} MB`,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
