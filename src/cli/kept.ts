/** How far entries have run, in a file of the state directory: a crash leaves the old or the new one. */
import { readFileSync } from 'node:fs';
import type { Kept } from '../core/restart.ts';
import { errorCode, reason } from '../system/failure.ts';
import { overwriteFile, replaceFile } from '../system/replace.ts';
import type { Log } from '../system/sink.ts';

/** Read it. Null: there is none, or it is none of ours, which is logged. */
export function readKept(file: string, log: Log): Kept | null {
  try {
    const kept: Partial<Kept> = JSON.parse(readFileSync(file, 'utf8'));
    const { lasts = {}, ran = lasts, stopped = null } = kept;
    const whole = [...Object.values(lasts), ...Object.values(ran)].every(
      ({ fixed, wild }) => Number.isInteger(fixed) && Number.isInteger(wild),
    );
    if (!whole || lasts[''] === undefined) throw new Error('it does not hold minutes');
    return { lasts, ran, stopped };
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') {
      const detail = `cannot use "${file}": ${reason(error)}; going on from this minute`;
      log('CRON', 'ERROR', detail, { level: 'error' });
    }
    return null;
  }
}

/**
 * Replace it in one step. A disk that is full is no reason to stop: it is logged.
 * @param isIdle nothing has started since the last time: it is all the same if a machine that loses its power has the
 *   minute before, and no disk need be waited for, or woken up
 */
export function writeKept(file: string, kept: Kept, log: Log, isIdle = false): void {
  try {
    const text = `${JSON.stringify(kept)}\n`;
    if (!isIdle || !overwriteFile(file, text)) replaceFile(file, text);
  } catch (error) {
    log('CRON', 'ERROR', `cannot write "${file}": ${reason(error)}`, { level: 'error' });
  }
}
