/** Figures of runs → a file under ~/.cache, so that a run that is ended early loses none. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache } from './cache.ts';
import type { Figure } from './figures.ts';

const file = join(cache, 'figures.json');

/** All that is kept, the oldest first. */
export function kept(): Figure[] {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return []; // the first time
  }
}

/** Keep these; a cron's take the place of its former ones of that table. */
export function keep(figures: readonly Figure[]): Figure[] {
  const key = ({ title, peer }: Figure): string => `${title}\n${peer}`;
  const renewed = new Set(figures.map(key));
  const all = [...kept().filter((one) => !renewed.has(key(one))), ...figures];
  mkdirSync(cache, { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(all));
  renameSync(`${file}.new`, file);
  return all;
}

/** The last run that kept some. */
export function lastRun(): string | undefined {
  return kept().at(-1)?.run;
}

/** Whether that run has so many rounds of each of these crons. */
export function has(
  run: string,
  title: string,
  { names, repeat }: { readonly names: readonly string[]; readonly repeat: number },
): boolean {
  const own = kept().filter((one) => one.run === run && one.title === title);
  return names.every((name) => {
    const rounds = own.filter(({ peer }) => peer === name);
    return rounds.filter(({ what }) => what === rounds[0]?.what).length >= repeat;
  });
}
