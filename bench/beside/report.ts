/** The figures of the cases that were measured last → the tables of docs/performance.md, and its chart. */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cache } from './cache.ts';
import { chart } from './chart.ts';
import { compare, type Figure, table } from './figures.ts';
import { judge } from './goals.ts';
import { peers } from './peers.ts';

const docs = fileURLToPath(new URL('../../../docs/', import.meta.url));
const kept = join(cache, 'figures.json');
const [BEGIN, END] = ['<!-- measured: npm run bench -->', '<!-- end of what is measured -->'];

/** A case's figures take the place of its former ones; what is between the marks is written anew. */
export function write(figures: readonly Figure[]): void {
  const titles = new Set(figures.map(({ title }) => title));
  const all = [...known().filter(({ title }) => !titles.has(title)), ...figures];
  writeFileSync(kept, JSON.stringify(all));
  const file = join(docs, 'performance.md');
  const text = readFileSync(file, 'utf8');
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${file} has not the marks for what is measured`);
  writeFileSync(file, `${text.slice(0, from)}${BEGIN}\n\n${tell(all)}${text.slice(to)}`);
  writeFileSync(join(docs, 'performance.svg'), chart(all, nameOf));
}

function known(): Figure[] {
  try {
    return JSON.parse(readFileSync(kept, 'utf8'));
  } catch {
    return []; // the first time
  }
}

function nameOf(peer: string): string {
  return peers[peer]?.title ?? peer;
}

function tell(figures: readonly Figure[]): string {
  const rows = judge(figures);
  const head = ['', 'goal', 'mailcron', 'limit', 'held'];
  const tables = [...new Set(figures.map(({ title }) => title))].map((title) => {
    const own = figures.filter((one) => one.title === title);
    const rounds = Math.max(
      ...own.map(
        ({ peer, what }) => own.filter((one) => one.peer === peer && one.what === what).length,
      ),
    );
    return `### ${title.startsWith('crontab ') ? title : `${title[0]?.toUpperCase()}${title.slice(1)}`}, ${rounds === 1 ? 'once' : `${rounds} times`}\n\n${compare(own, nameOf)}`;
  });
  const machine = `${cpus().length} cores, Linux ${release().split('-')[0]}, Node ${process.versions.node}`;
  return `Measured with ${machine}.\n\n${table([head, ...rows])}\n${tables.join('\n')}\n`;
}
