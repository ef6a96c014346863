/** A run and its limits → the systemd-run(1) words that start it in a systemd scope of its own. */
import { existsSync } from 'node:fs';
import type { Limits } from '../core/settings.ts';
import type { Log } from '../system/sink.ts';
import type { Firing } from './protocol.ts';

const SYSTEMD_RUN = '/usr/bin/systemd-run';
/** It adds INVOCATION_ID to the environment, which is no variable of the job's. */
const BARE = ['/usr/bin/env', '-i'];
/** It is there where systemd is process 1 (sd_booted(3)). */
const BOOTED = '/run/systemd/system';

/** Makes the words before those that start the job; null: not now, for systemd does not answer. */
export interface Scope {
  words(user: string, firing: Pick<Firing, 'run' | 'limits'>): readonly string[] | null;
  /** It did not answer. */
  hung(): void;
}

/** Whoever has not answered is not asked for so long, in milliseconds: else each job would wait. */
const AGAIN = 60_000;

/** Give jobs scopes; null: there is no systemd for that here, which is logged. */
export function openScope(
  log: Log,
  needed: readonly string[] = [BOOTED, SYSTEMD_RUN],
  again = AGAIN,
): Scope | null {
  const missing = needed.find((path) => !existsSync(path));
  let until = -Infinity;
  if (missing === undefined)
    return {
      words: (user, firing) => (performance.now() < until ? null : scopeWords(user, firing)),
      hung: () => void (until = performance.now() + again),
    };
  const problem = `[jobs] scope: there is no ${missing}; jobs run without scopes, CRON_MEMORY, CRON_CPU and CRON_TASKS do nothing`;
  log('CRON', 'ERROR', problem, { level: 'error' });
  return null;
}

/** Make the words. Root runs them: of the crontab they have numbers, written anew. */
export function scopeWords(
  user: string,
  { run, limits }: Pick<Firing, 'run' | 'limits'>,
): readonly string[] {
  const unit = `cron-${escapeUnit(user)}-${escapeUnit(run, /[^0-9A-Za-z:_.-]/)}.scope`;
  const words = [SYSTEMD_RUN, '--scope', '--quiet', '--collect', `--unit=${unit}`];
  return [...words, ...properties(limits), '--', ...BARE];
}

function properties(limits: Limits | undefined): string[] {
  if (limits === undefined) return [];
  const { memory, memoryPercent, cpu, tasks } = limits;
  const all: readonly [name: string, amount: number, unit: string][] = [
    ['MemoryMax', memory, ''],
    ['MemoryMax', memoryPercent, '%'],
    ['CPUQuota', cpu, '%'],
    ['TasksMax', tasks, ''],
  ];
  return all
    .filter(([, amount]) => Number.isSafeInteger(amount) && amount > 0)
    .map(([name, amount, unit]) => `--property=${name}=${amount.toFixed(0)}${unit}`);
}

/** Escape what may not stand in a unit's name, as systemd-escape(1) does. */
function escapeUnit(text: string, special = /[^0-9A-Za-z:_.]/): string {
  const escaped = (byte: number, at: number): string => {
    const char = String.fromCharCode(byte);
    if (char === '/') return '-';
    return special.test(char) || (char === '.' && at === 0)
      ? `\\x${byte.toString(16).padStart(2, '0')}`
      : char;
  };
  return Array.from(Buffer.from(text), escaped).join('');
}
