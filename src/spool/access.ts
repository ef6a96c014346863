/** cron.allow and cron.deny → whether a user may use crontab(1). */
import { readFileSync } from 'node:fs';
import { errorCode, reason } from '../system/failure.ts';

/** The two lists, of the configuration's `[paths]`. */
export interface AccessLists {
  readonly allow: string;
  readonly deny: string;
}

/** The answer; `trouble` is why a list could not be read, which refuses. */
export interface Access {
  readonly allowed: boolean;
  readonly trouble?: string;
}

/**
 * Decide whether a user may have a crontab, by Debian's rules: root always; the users of cron.allow
 * if there is one; else all but those of cron.deny; without both, everybody.
 */
export function access(user: string, lists: AccessLists): Access {
  if (user === 'root') return { allowed: true };
  try {
    const allow = names(lists.allow);
    if (allow !== null) return { allowed: allow.includes(user) };
    return { allowed: !names(lists.deny)?.includes(user) };
  } catch (error) {
    // A list that cannot be read must not let anybody in (LP #1813833).
    return { allowed: false, trouble: reason(error) };
  }
}

/** One name a line, the last one with or without newline; null: no such file. */
function names(file: string): string[] | null {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw new Error(`${file}: ${reason(error)}`, { cause: error });
  }
}
