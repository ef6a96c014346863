/** crontab -l: a user's table → stdout, in colours where somebody looks at it. */
import { EXIT } from '../system/failure.ts';
import type { Session } from './session.ts';
import { print, say } from './terminal.ts';

/** Print the session's table; returns the exit status. */
export async function listTable({ user, tables }: Session): Promise<number> {
  // Debian: an N here shows the header that lies above it in the spool.
  const whole = /^n/i.test(process.env['CRONTAB_NOHEADER'] ?? '');
  const table = await tables.read(whole ? 'whole' : 'list');
  if (table === null) return none(user.name);
  return printTable(table, user.name);
}

/** Print a table of that user; returns the exit status. */
export async function printTable(table: Buffer, owner: string): Promise<number> {
  return (await print(await dressed(table, owner))) ? EXIT.OK : EXIT.FAILURE;
}

/** The table as it is, unless it goes to a terminal: root's must not obey what is in another's table. */
async function dressed(table: Buffer, owner: string): Promise<Buffer> {
  if (!process.stdout.isTTY) return table;
  const { NO_COLOR = '', TERM = 'dumb' } = process.env;
  const { inColours, inPlain } = await import('./colours.ts');
  return NO_COLOR !== '' || TERM === 'dumb' ? inPlain(table) : inColours(table, owner);
}

/** Say that there is no table; returns the exit status. */
export function none(name: string): number {
  say(`no crontab for ${name}`);
  return EXIT.FAILURE;
}
