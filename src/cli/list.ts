/** crontab -l: a user's table → stdout. */
import { EXIT } from '../system/failure.ts';
import { withoutHeader } from './header.ts';
import type { Session } from './session.ts';
import { print, say } from './terminal.ts';

/** Print the session's table; returns the exit status. */
export async function listTable({ user, tables }: Session): Promise<number> {
  const table = await tables.read('list');
  if (table === null) return none(user.name);
  // Debian: an N here shows the header that another cron may have left.
  const whole = /^n/i.test(process.env['CRONTAB_NOHEADER'] ?? '');
  const shown = whole ? table : withoutHeader(table);
  return (await print(shown)) ? EXIT.OK : EXIT.FAILURE;
}

/** Say that there is no table; returns the exit status. */
export function none(name: string): number {
  say(`no crontab for ${name}`);
  return EXIT.FAILURE;
}
