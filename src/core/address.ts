/** MAILTO → its recipients, or which of them is not safe to hand to a mailer. */

import { skipBlanks } from './blank.ts';
import { quoted } from './escape.ts';
import { fail, ok, type Parsed } from './problem.ts';

const RECIPIENT_LIMIT = 100;
/** RFC 5321: a path has 256 bytes, two of them its angle brackets. */
const LENGTH_LIMIT = 254;
/** Bytes of all addresses and names together: the header has to hold them. */
const LIST_LIMIT = 6000;
const NAME_LIMIT = 200;

/** Who a mail is for, or from. */
export interface Mailbox {
  /** The name before an address in angle brackets, without its quotes; a byte string. */
  readonly name: string;
  readonly address: string;
  /** Nothing but a comma stands before it. */
  readonly isTight: boolean;
}

/** Test an address by Debian's safe_p(): no option, no quoting, nothing a shell would heed. */
export function isSafe(address: string): boolean {
  return address.length <= LENGTH_LIMIT && /^[0-9A-Za-z][0-9A-Za-z@!:%.,_+=/-]*$/.test(address);
}

/** Read the addresses of MAILTO, each once; an empty one has no recipients: no mail. */
export function recipients(mailto: string): Parsed<readonly string[]> {
  const list = mailboxes(mailto);
  return list.ok ? ok([...new Set(list.value.map(({ address }) => address))]) : list;
}

/** Read MAILFROM, which is one address, with a name or without. */
export function sender(mailfrom: string): Parsed<Mailbox> {
  const list = mailboxes(mailfrom);
  if (!list.ok) return list;
  const [from, ...others] = list.value;
  return from !== undefined && others.length === 0
    ? ok(from)
    : fail(1, 'unsafe mail', `${quoted(mailfrom)} is not one address`);
}

/**
 * Read a list of addresses: `a@x`, with commas or blanks between them, and `Name <a@x>` or
 * `"Name" <a@x>`, with commas around it.
 */
export function mailboxes(text: string): Parsed<readonly Mailbox[]> {
  if (text.length > LIST_LIMIT)
    return fail(LIST_LIMIT + 1, 'unsafe mail', `The addresses have more than ${LIST_LIMIT} bytes`);
  const found: Mailbox[] = [];
  for (const { 0: item, index } of text.matchAll(ITEM)) {
    const start = skipBlanks(item, 0);
    const read = NAME.test(item.slice(start))
      ? named(text, item, index, start)
      : bare(text, item, index);
    if (!read.ok) return read;
    for (const { at, ...mailbox } of read.value) {
      if (found.length === RECIPIENT_LIMIT)
        return fail(at + 1, 'unsafe mail', `More than ${RECIPIENT_LIMIT} recipients`);
      found.push(mailbox);
    }
  }
  return ok(found);
}

/**
 * What stands between commas; those in quotes count for nothing. A quote that is never closed goes
 * on to the end: else the rest would be searched for its close once for each quote in it.
 */
const ITEM = /(?:"(?:[^"\\]|\\[^]?)*(?:"|$)|[^,])+/g;
/** No part can end where another may begin, so that reading takes no longer than the text is. */
const NAME = /^(?:"(?<inQuotes>(?:[^"\\]|\\[^])*)"[ \t]*|(?<plain>[^<"]*))<(?<address>[^<>]*)>/;
/** Outside of quotes these mean something in an address (RFC 5322). */
const SPECIAL = /[()<>[\]:;@\\,"]/;
// oxlint-disable-next-line no-control-regex -- which is what is looked for
const CONTROL = /[\0-\x1f\x7f]/;

interface Found extends Mailbox {
  readonly at: number;
}

function bare(text: string, item: string, start: number): Parsed<readonly Found[]> {
  const found: Found[] = [];
  for (const { 0: address, index } of item.matchAll(/[^ \t]+/g)) {
    const at = start + index;
    if (!isSafe(address)) return unsafe(at, address);
    found.push({ name: '', address, isTight: text[at - 1] === ',', at });
  }
  return ok(found);
}

function named(text: string, item: string, index: number, start: number): Parsed<readonly Found[]> {
  const at = index + start;
  const match = NAME.exec(item.slice(start));
  const { inQuotes, plain = '', address = '' } = match?.groups ?? {};
  const name = inQuotes?.replaceAll(/\\([^])/g, '$1') ?? trimBlanks(plain);
  const isSpecial = inQuotes === undefined && SPECIAL.test(name);
  if (name.length > NAME_LIMIT || CONTROL.test(name) || isSpecial)
    return fail(at + 1, 'unsafe mail', `${quoted(name)} is not safe as a name: quote it`);
  const end = at + (match?.[0] ?? '').length;
  if (!isSafe(address)) return unsafe(end - 1 - address.length, address);
  const behind = skipBlanks(item, end - index);
  if (behind < item.length) {
    const message = `There must be a comma behind ${quoted(`<${address}>`)}`;
    return fail(index + behind + 1, 'unsafe mail', message);
  }
  return ok([{ name, address, isTight: text[at - 1] === ',', at }]);
}

function trimBlanks(text: string): string {
  let end = text.length;
  while (text[end - 1] === ' ' || text[end - 1] === '\t') end--;
  return text.slice(0, end);
}

function unsafe(at: number, address: string): Parsed<never> {
  return fail(at + 1, 'unsafe mail', `${quoted(address)} is not safe as a recipient`);
}
