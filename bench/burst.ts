/** Many jobs due in one minute → when each of them starts. Run it with `npm run bench -- 100`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MINUTE = 60_000;
/** Jobs that have not started after so long are lost, in milliseconds. */
const PATIENCE = 50_000;

const jobs = Number(process.argv[2] ?? 100);
const root = mkdtempSync(join(tmpdir(), 'cron-'));
const stamps = join(root, 'stamps');
const cron = fileURLToPath(new URL('../../bin/cron', import.meta.url));

/** A private cron with that many entries, each of which notes when it runs. */
function prepare(): string {
  const paths: Record<string, string> = {
    spool: 'spool',
    cron_d: 'cron.d',
    system_crontab: 'crontab',
    allow: 'allow',
    deny: 'deny',
    run: 'run',
    pidfile: 'pid',
    reboot: 'reboot',
    state: 'state',
    mailbox: 'mail',
  };
  const lines = Object.entries(paths).map(([key, name]) => `${key} = "${join(root, name)}"`);
  const config = join(root, 'config.toml');
  writeFileSync(config, `[paths]\n${lines.join('\n')}\n[mail]\nmailcmd = "mailbox:"\n`);
  for (const name of ['spool', 'cron.d', 'mail']) mkdirSync(join(root, name), { mode: 0o700 });
  const entry = `* * * * * date +\\%s\\%N >> ${stamps}\n`;
  const tab = join(root, 'spool', userInfo().username);
  writeFileSync(tab, entry.repeat(jobs), { mode: 0o600 });
  writeFileSync(stamps, '');
  return config;
}

/** Wait until all have run, and tell how late each was, in milliseconds, the earliest first. */
async function lateness(minute: number): Promise<number[]> {
  for (;;) {
    const times = readFileSync(stamps, 'utf8').split('\n').slice(0, -1);
    if (times.length >= jobs || Date.now() > minute + PATIENCE)
      return times.map((time) => Number(time) / 1e6 - minute).toSorted((a, b) => a - b);
    await pause(20);
  }
}

const config = prepare();
const daemon = spawn(cron, ['-f', '--config', config], { stdio: 'ignore' });
try {
  // Two seconds at least, so that the daemon is ready.
  const minute = Math.ceil((Date.now() + 2000) / MINUTE) * MINUTE;
  await pause(minute - Date.now());
  const late = await lateness(minute);
  const [first, median, last] = [0, Math.floor(late.length / 2), late.length - 1].map(
    (at) => `${late[at]?.toFixed(1)} ms`,
  );
  process.stdout.write(
    `${late.length} of ${jobs} jobs ran: first ${first}, median ${median}, last ${last} after :00.000\n`,
  );
} finally {
  daemon.kill('SIGTERM');
  await once(daemon, 'exit');
  rmSync(root, { recursive: true });
}
