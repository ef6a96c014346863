/** The bytes of a new table → the table as it would be installed, and everything that is wrong with it. */
import { isSafe, recipients } from '../core/address.ts';
import { parseCrontab } from '../core/crontab.ts';
import { quoted } from '../core/escape.ts';
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

/** Check a table of a user, as strictly as it is read, and the addresses in it too. */
export function checkTable(bytes: Buffer, owner: string): CheckedTable {
  const given = fromBytes(bytes);
  const lines = given.replaceAll('\r\n', '\n');
  const last = lines.slice(lines.lastIndexOf('\n') + 1);
  const text = last === '' ? lines : `${lines}\n`;
  // The random choices of `~` need a seed; here nobody sees them.
  const { problems } = parseCrontab(text, { kind: 'user', owner, seed: '', refuse });
  return {
    text,
    problems,
    crlf: lines.length < given.length,
    unfinished: !/^[ \t]*(#|$)/.test(last), // Debian lets a comment end without
  };
}

/** Refuse what is refused at load, and an address that would be when there is mail to send. */
function refuse(name: string, value: string): string | null {
  if (name === 'MAILTO') {
    const parsed = recipients(value);
    return parsed.ok ? null : parsed.fault.message;
  }
  const unsafe = name === 'MAILFROM' && value !== '' && !isSafe(value);
  if (unsafe) return `${quoted(value)} is not safe as a sender`;
  return refuseSetting(name, value);
}
