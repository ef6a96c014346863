/** A name and a value → the lines of a header field: ASCII, of bounded length, never another field. */

import type { Mailbox } from './address.ts';
import { encodedWords } from './words.ts';
import { characterAt } from './utf8.ts';

/** Longest line of a header: dma refuses one of 998 bytes, sendmail and ssmtp cut those beyond 2,040. */
const LINE_LIMIT = 990;
/** Where a field that has to be folded is: RFC 5322's advice, and RFC 2047's rule. */
const FOLD = 76;
/** A word of more bytes is encoded, so that it can be folded. */
const WORD_LIMIT = 900;

/** Put blanks for control characters, so that no value ends its line. */
function clean(value: string): string {
  return value.replaceAll(/[^\t -~\u0080-\u00ff]/g, ' ');
}

/** Cut a value that is too long, between characters, and mark that it was. */
export function cut(value: string, limit: number): string {
  if (value.length <= limit) return value;
  let end = limit - 60;
  for (let back = 1; back < 4; back++)
    if (characterAt(value, end - back) > back) return mark(value, end - back);
  return mark(value, end);
}

function mark(value: string, end: number): string {
  return `${value.slice(0, end)}... (${value.length - end} more bytes)`;
}

/** Write a field whose value is checked, printable and short. */
export function plainField(name: string, value: string): string {
  return `${name}: ${clean(value)}\n`;
}

/**
 * Write a field of free text. It is on one line and as it is, as vixie's cron writes it, where
 * that is ASCII and short enough. Else it is folded at blanks, and what is not ASCII, too long to
 * be folded, or could be taken for an encoded word, becomes encoded words.
 *
 * 8-bit bytes would pass any local mailer; but then each relay has to know SMTPUTF8 (RFC 6531).
 */
export function field(name: string, value: string, charset: string): string {
  const text = clean(value);
  const tokens = text.match(/[ \t]*[^ \t]+/g) ?? [];
  const line = `${name}: ${text}`;
  const isLong = line.length > LINE_LIMIT;
  const isBad = (token: string): boolean =>
    !isPlain(token) || (isLong && token.length > WORD_LIMIT);
  const first = tokens.findIndex(isBad);
  if (first === -1) return isLong ? fold(name, tokens) : `${line}\n`;
  const end = tokens.findLastIndex(isBad) + 1;
  const region = tokens.slice(first, end).join('');
  const gap = /^[ \t]/.exec(region)?.[0] ?? '';
  const [word = '', ...words] = encodedWords(region.slice(gap.length), charset);
  return fold(name, [
    ...tokens.slice(0, first),
    `${gap}${word}`,
    ...words.map((each) => ` ${each}`),
    ...tokens.slice(end),
  ]);
}

/** Write a field of addresses, with commas between them; where it is folded, each begins with a blank. */
export function addresses(name: string, list: readonly Mailbox[], charset: string): string {
  const tokens = (isTight: boolean): string[] =>
    list.flatMap((mailbox, index) => {
      const comma = index < list.length - 1 ? ',' : '';
      const gap = index === 0 || (isTight && mailbox.isTight) ? '' : ' ';
      if (mailbox.name === '') return [`${gap}${mailbox.address}${comma}`];
      const [first = '', ...words] = phrase(mailbox.name, charset);
      const address = ` <${mailbox.address}>${comma}`;
      return [`${gap}${first}`, ...words.map((word) => ` ${word}`), address];
    });
  const line = `${name}: ${tokens(true).join('')}`;
  const isShort = line.length <= LINE_LIMIT && !line.includes('=?');
  return isShort ? `${line}\n` : fold(name, tokens(false));
}

/** A name before an address: as it is, quoted, or encoded. */
function phrase(name: string, charset: string): string[] {
  if (!isPlain(name) || name.length > FOLD - 2) return encodedWords(name, charset);
  const isAtoms = /^[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*$/.test(name);
  return [isAtoms ? name : `"${name.replaceAll(/["\\]/g, '\\$&')}"`];
}

function isPlain(text: string): boolean {
  return /^[\t -~]*$/.test(text) && !text.includes('=?');
}

/** Put tokens, each with the blanks before it, on lines that are not too long. */
function fold(name: string, tokens: readonly string[]): string {
  let lines = `${name}:`;
  let column = lines.length;
  for (const [index, token] of tokens.entries()) {
    const text = index === 0 ? ` ${token}` : token;
    // A line of blanks alone would end the header for some.
    if (index > 0 && column + text.length > FOLD && /^[ \t]+[^ \t]/.test(text)) {
      lines += '\n';
      column = 0;
    }
    lines += text;
    column += text.length;
  }
  return `${lines}\n`;
}
