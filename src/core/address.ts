/** MAILTO → its recipients, or which of them is not safe to hand to a mailer. */

import { quoted } from './escape.ts';
import { fail, ok, type Parsed } from './problem.ts';

const RECIPIENT_LIMIT = 100;
/** RFC 5321: a path has 256 bytes, two of them its angle brackets. */
const LENGTH_LIMIT = 254;

/** Test an address by Debian's safe_p(): no option, no quoting, nothing a shell would heed. */
export function isSafe(address: string): boolean {
  return address.length <= LENGTH_LIMIT && /^[0-9A-Za-z][0-9A-Za-z@!:%.,_+=/-]*$/.test(address);
}

/** Split MAILTO at commas and blanks; an empty one has no recipients: no mail. */
export function recipients(mailto: string): Parsed<readonly string[]> {
  const found: string[] = [];
  for (const { 0: address, index } of mailto.matchAll(/[^, \t]+/g)) {
    if (found.length === RECIPIENT_LIMIT) {
      return fail(index + 1, 'unsafe mail', `More than ${RECIPIENT_LIMIT} recipients`);
    }
    if (!isSafe(address)) {
      return fail(index + 1, 'unsafe mail', `${quoted(address)} is not safe as a recipient`);
    }
    found.push(address);
  }
  return ok(found);
}
