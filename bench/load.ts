/** Many crontabs → how long they take to load, how long a minute takes to decide, and their memory. `npm run bench:load` */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { agenda, zonesOf } from '../src/core/agenda.ts';
import { wakeAll } from '../src/core/zones.ts';
import { openDatabase } from '../src/spool/database.ts';

const [tabs = 100, entries = 1000] = process.argv.slice(2).map(Number);
const HOST = 'host';
const ROUNDS = 21;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** One in ten every five minutes, one in ten each hour, the others once a week. */
function textOf(tab: number): string {
  return Array.from({ length: entries }, (_, n) => {
    const [minute, hour] = [(n * 7) % 60, (n * 3) % 24];
    const time =
      n % 10 === 0
        ? '*/5 * * * *'
        : n % 10 === 1
          ? `${minute} * * * *`
          : `${minute} ${hour} * * ${n % 7}`;
    return `${time} /usr/local/bin/job-${tab}-${n} --do something >/dev/null\n`;
  }).join('');
}

const root = mkdtempSync(join(tmpdir(), 'cron-'));
try {
  const spool = join(root, 'spool');
  mkdirSync(spool);
  for (let tab = 0; tab < tabs; tab++)
    writeFileSync(join(spool, `u${tab}`), textOf(tab), { mode: 0o600 });
  const uid = process.getuid?.() ?? 0;
  const user = { name: 'x', uid, gid: 0, groups: [], home: '/', shell: '/bin/sh' };
  const database = openDatabase(
    { spool, system_crontab: join(root, 'crontab'), cron_d: join(root, 'cron.d') },
    { users: { find: async () => user }, log: () => {}, uid: 0, user: 'root', hostname: HOST },
  );
  collect();
  const before = process.memoryUsage().heapUsed;
  const start = performance.now();
  await database.refresh();
  const load = performance.now() - start;
  const planned = performance.now();
  zonesOf(database.tabs, HOST);
  const plan = performance.now() - planned;
  collect();
  const bytes = (process.memoryUsage().heapUsed - before) / (tabs * entries);

  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const now = { utc: 29_000_001 + round, local: 29_000_001 + round };
    const begin = performance.now();
    const last = { fixed: now.local - 1, wild: now.utc - 1 };
    const { wakes } = wakeAll({ '': last }, zonesOf(database.tabs, HOST), () => now);
    agenda(database.tabs, wakes, { away: () => null, firstSeen: () => 0 }, HOST);
    times.push(performance.now() - begin);
  }
  const median = times.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
  process.stdout.write(
    `${tabs * entries} entries in ${tabs} crontabs: loaded in ${load.toFixed(0)} ms, planned in ${plan.toFixed(0)} ms, ` +
      `${bytes.toFixed(0)} bytes an entry; a minute is decided in ${median.toFixed(1)} ms\n`,
  );
} finally {
  rmSync(root, { recursive: true });
}
