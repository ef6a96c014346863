/** All figures that are kept → the tables of docs/performance.md, and its chart. */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chart } from './chart.ts';
import { compare, type Figure, table } from './figures.ts';
import { GOAL_HEAD, judge } from './goals.ts';
import { peers } from './peers.ts';

const docs = fileURLToPath(new URL('../../../docs/', import.meta.url));
const [BEGIN, END] = ['<!-- measured: npm run bench -->', '<!-- end of what is measured -->'];

/** What is between the marks is written anew, its tables in this order. */
export function write(figures: readonly Figure[], titles: readonly string[]): void {
  const file = join(docs, 'performance.md');
  const text = readFileSync(file, 'utf8');
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${file} has not the marks for what is measured`);
  writeFileSync(
    file,
    `${text.slice(0, from)}${BEGIN}\n\n${tell(figures, titles)}${text.slice(to)}`,
  );
  writeFileSync(join(docs, 'performance.svg'), chart(figures, nameOf));
}

/** What a cron is called in tables. */
export function nameOf(peer: string): string {
  return peers[peer]?.title ?? peer;
}

function tell(figures: readonly Figure[], titles: readonly string[]): string {
  const rows = judge(figures);
  const tables = titles.map((title) => {
    const own = figures.filter((one) => one.title === title);
    const rounds = Math.max(
      ...own.map(
        ({ peer, what }) => own.filter((one) => one.peer === peer && one.what === what).length,
      ),
    );
    return `### ${title.startsWith('crontab ') ? title : `${title[0]?.toUpperCase()}${title.slice(1)}`}, ${rounds === 1 ? 'once' : `${rounds} times`}\n\n${compare(own, nameOf)}`;
  });
  const machine = `${cpus().length} cores, Linux ${release().split('-')[0]}, Node ${process.versions.node}`;
  return `Measured with ${machine}.\n\n${table([GOAL_HEAD, ...rows])}\n${tables.join('\n')}\n`;
}
