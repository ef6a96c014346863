/** A schedule → what its two day fields and the month mean together. */

import { type Field, has, type Range, values } from './field.ts';
import type { Schedule } from './schedule.ts';

/** A schedule of five fields. */
export type Times = Extract<Schedule, { readonly kind: 'times' }>;

const LONGEST_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Tell whether a field leaves a day of month, or a day of week, out. */
export function isRestricted(field: Field, { low, high }: Range): boolean {
  for (let value = low; value <= high; value++) if (!has(field, value)) return true;
  return false;
}

/** Tell whether one matching day field is enough: vixie's rule for two that begin with no star. */
export function isEither({ dom, dow }: Times): boolean {
  return !dom.star && !dow.star;
}

/** Tell whether there is a day in some year on which a schedule is due. */
export function comes(times: Times): boolean {
  // Whatever days of the week are asked for: each date falls on all of them, 29 February too.
  if (isEither(times)) return true;
  const [first = 0] = values(times.dom);
  return values(times.month).some((month) => first <= (LONGEST_MONTHS[month - 1] ?? 0));
}
