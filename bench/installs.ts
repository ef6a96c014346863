/** 10,000 installs by 200 users, and a hundred in the last second before a minute → figures. `npm run bench:installs` */
import { readFileSync } from 'node:fs';
import { lastSecond, load } from '../test/support/load.ts';
import { Sandbox } from '../test/support/sandbox.ts';

const [installs = 10_000, lead = 25_000, ...leads] = process.argv.slice(2).map(Number);

const people = [...readFileSync('/etc/passwd', 'utf8').matchAll(/^(u\d+):x:(\d+):/gm)].map(
  ([, name = '', uid]) => ({ name, uid: Number(uid) }),
);

/** Do something in a sandbox of its own. */
async function apart<T>(work: (sandbox: Sandbox) => Promise<T>): Promise<T> {
  const sandbox = new Sandbox({});
  try {
    return await work(sandbox);
  } finally {
    await sandbox.close();
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const each = Math.ceil(installs / people.length);
const figures = await apart((sandbox) => load(sandbox, people, { each, lead }));
const rate = Math.round(figures.installs / figures.seconds);
say(
  `${figures.installs} installs by ${people.length} users in ${figures.seconds.toFixed(1)} s (${rate} a second), none lost`,
);
say(`  each took ${figures.median} ms in the middle, ${figures.slowest} ms at most`);
say(`  minutes that began meanwhile were late by ${figures.late.join(', ')} ms`);
say(`  memory of the daemon: ${figures.memory.map((size) => `${size.toFixed(0)} MB`).join(', ')}`);
for (const before of leads.length > 0 ? leads : [200, 50]) {
  const { answered, ran, margin } = await apart((sandbox) =>
    lastSecond(sandbox, people.slice(0, 100), before),
  );
  say(
    `100 installs in a second, the last one sent ${before} ms before a minute: ` +
      `${answered} answered before it, the last ${margin} ms; ${ran} of them ran at it`,
  );
  if (ran < answered) process.exitCode = 1;
}
