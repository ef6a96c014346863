/** Instants and minutes → dates as mail has them. */

import type { Visit } from './clock.ts';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const MINUTE_MS = 60_000;

/**
 * Write a date as RFC 5322 has it.
 * @param at milliseconds since the epoch
 * @param offset minutes that local clocks are ahead of UTC
 */
export function mailDate(at: number, offset: number): string {
  const local = new Date(at + offset * MINUTE_MS);
  const time = local.toISOString().slice(11, 19);
  const day = `${DAYS[local.getUTCDay()]}, ${local.getUTCDate()} ${MONTHS[local.getUTCMonth()]}`;
  return `${day} ${local.getUTCFullYear()} ${time} ${ahead(offset, '')}`;
}

/** Write the minute for which an entry starts as its crontab's clocks show it, and how far they are ahead. */
export function scheduledAt({ local, utc }: Visit): string {
  const time = new Date(local * MINUTE_MS).toISOString().slice(0, 19);
  return `${time}${ahead(local - utc, ':')}`;
}

function ahead(offset: number, colon: string): string {
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60];
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${offset < 0 ? '-' : '+'}${two(hours)}${colon}${two(minutes)}`;
}
