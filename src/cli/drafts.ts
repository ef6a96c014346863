/** Drafts of installs that died with the cron before us → removed, as soon as nobody can be writing them. */
import { existsSync } from 'node:fs';
import { removeDrafts } from '../spool/drafts.ts';
import { reason } from '../system/failure.ts';
import type { Log } from '../system/sink.ts';

/** Until drafts are old enough that nobody can be writing them, in milliseconds. */
const LATER = 15_000;

/** Remove them from a spool, now or a little later. */
export function tidyDrafts(spool: string, log: Log): void {
  try {
    const isMore = existsSync(spool) && removeDrafts(spool, Date.now());
    if (isMore) setTimeout(() => tidyDrafts(spool, log), LATER).unref();
  } catch (error) {
    log('CRON', 'ERROR', `cannot tidy "${spool}": ${reason(error)}`, { level: 'error' });
  }
}
