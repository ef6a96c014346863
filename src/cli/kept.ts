/** How far entries have run, in a file of the state directory: a crash leaves the old or the new one. */
import { readFileSync } from 'node:fs';
import type { Kept } from '../core/restart.ts';
import { errorCode, reason } from '../system/failure.ts';
import { replaceFile } from '../system/replace.ts';
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

/** Replace it in one step. A disk that is full is no reason to stop: it is logged. */
export function writeKept(file: string, kept: Kept, log: Log): void {
  try {
    replaceFile(file, `${JSON.stringify(kept)}\n`);
  } catch (error) {
    log('CRON', 'ERROR', `cannot write "${file}": ${reason(error)}`, { level: 'error' });
  }
}
