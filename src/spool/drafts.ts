/** The spool → without the drafts of installs that were killed. */
import { lstatSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '../system/failure.ts';

/** What mkstemp(3) makes of `tmp.XXXXXX`, and so Debian's crontab and ours. */
const DRAFT = /^tmp\.[A-Za-z0-9]{6}$/;
/** An install that has not touched its draft for so long is dead, in milliseconds. */
const DEAD = 10_000;

/**
 * Remove what installs have left that did not come to their end.
 * @returns whether there are younger ones, of which nothing can be said yet
 * @throws what the directory cannot be read for
 */
export function removeDrafts(directory: string, now: number): boolean {
  let isMore = false;
  for (const name of readdirSync(directory)) {
    if (!DRAFT.test(name)) continue;
    try {
      const path = join(directory, name);
      const stat = lstatSync(path);
      if (!stat.isFile()) continue; // none of ours
      if (now - stat.ctimeMs < DEAD) isMore = true;
      else unlinkSync(path);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error; // it has become a table this moment
    }
  }
  return isMore;
}
