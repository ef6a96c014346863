/** The bytes of a new table → the table as it would be installed, and everything that is wrong with it. */
import { recipients, sender } from '../core/address.ts';
import { refuseContent } from '../core/content.ts';
import { type CrontabOptions, parseCrontab } from '../core/crontab.ts';
import type { Problem } from '../core/problem.ts';
import { refuseSetting } from '../core/settings.ts';
import { fromBytes } from '../system/bytes.ts';

/** Longest table that is installed, in bytes: what one user keeps in the memory of everybody's cron. */
export const TABLE_LIMIT = 4 * 1024 * 1024;

/** A table before it is installed. */
export interface CheckedTable {
  /** As a byte string, with LF line ends, the last line's too. */
  readonly text: string;
  readonly problems: readonly Problem[];
  /** Line ends were CRLF. */
  readonly crlf: boolean;
  /** The last line, which is no comment, had no newline: it may be cut short. */
  readonly unfinished: boolean;
}

/** A table whose line ends are put right. */
export type TidyTable = Omit<CheckedTable, 'problems'>;

/** Check a table of a user, as strictly as it is read, and the addresses in it too. */
export function checkTable(bytes: Buffer, owner: string): CheckedTable {
  const tidied = tidy(bytes);
  // The random choices of `~` need a seed; here nobody sees them.
  const options = strictly({ kind: 'user', owner, seed: '' });
  return { ...tidied, problems: parseCrontab(tidied.text, options).problems };
}

/** Put the line ends of a table right. */
export function tidy(bytes: Buffer): TidyTable {
  const given = fromBytes(bytes);
  const lines = given.replaceAll('\r\n', '\n');
  const last = lines.slice(lines.lastIndexOf('\n') + 1);
  return {
    text: last === '' ? lines : `${lines}\n`,
    crlf: lines.length < given.length,
    unfinished: !/^[ \t]*(#|$)/.test(last), // Debian lets a comment end without
  };
}

/** Read a crontab so, and refuse what is refused at install only. */
export function strictly(options: CrontabOptions): CrontabOptions {
  return { ...options, refuse };
}

/** Refuse what is refused at load, and an address that would be when there is mail to send. */
function refuse(name: string, value: string): string | null {
  if (name === 'MAILTO') {
    const parsed = recipients(value);
    return parsed.ok ? null : parsed.fault.message;
  }
  if (name === 'MAILFROM' && value !== '') {
    const parsed = sender(value);
    return parsed.ok ? null : parsed.fault.message;
  }
  return refuseContent(name, value) ?? refuseSetting(name, value);
}
