/** Daemon and clients that are killed during 500 installs → what became of the tables. `npm run bench:crash -- 500` */
import { readFileSync } from 'node:fs';
import { crash } from '../test/support/crash.ts';
import { Sandbox } from '../test/support/sandbox.ts';

const installs = Number(process.argv[2] ?? 500);
const users = [...readFileSync('/etc/passwd', 'utf8').matchAll(/^(u[1-9]):x:(\d+):/gm)].map(
  ([, name = '', uid]) => ({ name, uid: Number(uid) }),
);
const sandbox = new Sandbox({});
try {
  const count = await crash(sandbox, { users, installs, life: 150 });
  process.stdout.write(
    `${count.installs} installs by ${users.length} users; cron was killed ${count.kills} times, the client ${count.clientKills} times\n` +
      `  each table is whole and in force; of the installs that were cut off ${count.kept} are in force and ${count.lost} are not\n`,
  );
} finally {
  await sandbox.close();
}
