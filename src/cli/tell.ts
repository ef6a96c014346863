/** After an install at a terminal: when what is new or changed will start first. */
import { fromBytes } from '../system/bytes.ts';
import { say } from './terminal.ts';

/** Whether somebody reads what is said; scripts are told nothing. */
export function isWatched(): boolean {
  return process.stderr.isTTY;
}

/** Tell it, if somebody watches. */
export async function tellNext(before: Buffer | null, after: Buffer, owner: string): Promise<void> {
  if (!isWatched()) return;
  // Loaded only here: it costs more than all the rest of crontab(1).
  const { nextRuns } = await import('./next.ts');
  const old = before === null ? null : fromBytes(before);
  const told = nextRuns(old, fromBytes(after), { owner, now: Date.now() });
  if (told !== '') say(told);
}
