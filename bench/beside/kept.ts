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

/** Keep these too. */
export function keep(figures: readonly Figure[]): Figure[] {
  const all = renew(kept(), figures);
  mkdirSync(cache, { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(all));
  renameSync(`${file}.new`, file);
  return all;
}

/** A cron's figures take the place of its former ones in that table. */
export function renew(all: readonly Figure[], figures: readonly Figure[]): Figure[] {
  const key = ({ title, peer }: Figure): string => `${title}\n${peer}`;
  const renewed = new Set(figures.map(key));
  return [...all.filter((one) => !renewed.has(key(one))), ...figures];
}

/** Whether among these are so many rounds of that run, of each of these crons. */
export function has(all: readonly Figure[], { run, title, names, repeat }: Rounds): boolean {
  return names.every((name) => {
    const rounds = all.filter((one) => one.run === run && one.title === title && one.peer === name);
    return rounds.filter(({ what }) => what === rounds[0]?.what).length >= repeat;
  });
}

interface Rounds {
  readonly run: string;
  readonly title: string;
  readonly names: readonly string[];
  readonly repeat: number;
}
