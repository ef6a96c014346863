/** What mailcron-setup says, and the commands that it runs. */
import { spawnSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import type { Command } from './plan.ts';

/** How it was called. */
export interface Doing {
  readonly root: string;
  readonly dryRun: boolean;
  /** Without asking. */
  readonly yes: boolean;
}

export function tell(text: string): void {
  writeSync(1, `${text}\n`);
}

/** Tell of one thing that is to be done, or is left because it was changed. */
export function line(verb: string, what: string, isChanged = false): void {
  tell(`  ${verb.padEnd(6)}  ${what}${isChanged ? '    (it was changed since)' : ''}`);
}

/** Run a command of this machine; below another root it is only told of. Null: all went well. */
export function attempt(root: string, command: Command): string | null {
  const words = command.join(' ');
  if (root !== '/') {
    tell(`to be run in ${root}: ${words}`);
    return null;
  }
  const [program, ...args] = command;
  const { status, error, signal } = spawnSync(program, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  if (status === 0) return null;
  return `"${words}" failed: ${error?.message ?? signal ?? `exit status ${status}`}`;
}
