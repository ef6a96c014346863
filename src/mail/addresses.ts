/** A list of addresses as in a To field (RFC 5322) → each bare address, and what is none. */

import { quoted } from '../core/escape.ts';

/** A part of a list that no mail can be sent to. */
export interface NoAddress {
  readonly text: string;
  /** A sentence, for people. */
  readonly reason: string;
}

/** Addresses in their order, without names, comments and groups; byte strings. */
export interface AddressList {
  readonly addresses: readonly string[];
  readonly wrong: readonly NoAddress[];
}

/** RFC 5321: a path has 256 bytes, two of them its angle brackets. */
const LENGTH_LIMIT = 254;
const LOCAL_LIMIT = 64;

/**
 * Read a list of addresses.
 *
 * - `Name <a@b>`, `a@b (Name)`, `"a b"@c`, `group: a, b;`, `<@route:a@b>` and comments within
 *   comments are as RFC 5322 has them; so are blanks around an `@`.
 * - Words without angle brackets are an address each: people write `To: alice bob`, and so does
 *   bsd-mailx for them.
 * - What cannot be read costs itself, not its neighbours.
 */
export function readAddresses(text: string): AddressList {
  const addresses: string[] = [];
  const wrong: NoAddress[] = [];
  for (const part of parts(text)) {
    if ('reason' in part) wrong.push(part);
    else
      for (const address of part.angle === null ? part.words : [part.angle]) {
        const reason = whyNot(address);
        if (reason === null) addresses.push(address);
        else wrong.push({ text: address, reason });
      }
  }
  return { addresses, wrong };
}

/** Why a mail cannot go to an address; null: it can. */
export function whyNot(address: string): string | null {
  const no = (what: string): string => `${quoted(address)} ${what}`;
  if (address === '') return 'an address is empty';
  if (address.length > LENGTH_LIMIT) return no(`is longer than ${LENGTH_LIMIT} bytes`);
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\0-\x1f\x7f]/.test(address)) return no('has a control character');
  const at = address.lastIndexOf('@');
  const [local, domain] =
    at === -1 ? [address, null] : [address.slice(0, at), address.slice(at + 1)];
  if (local === '') return no('has nothing before the "@"');
  if (local.length > LOCAL_LIMIT) return no(`has more than ${LOCAL_LIMIT} bytes before the "@"`);
  if (domain !== null && !DOMAIN.test(domain)) return no('has no right domain behind the "@"');
  if (/^"(?:[^"\\]|\\.)*"$/.test(local)) return domain === null ? no('is no user') : null;
  if (/^[|/:]/.test(local)) return no('is a program or a file: mail goes to addresses only');
  if (local.startsWith('-')) return no('begins as an option does');
  if (!/^[!#-'*+./0-9=?A-Z^_`a-z{|}~\u0080-\u00ff-]+$/.test(local))
    return no('has a character that must be quoted');
  return null;
}

const LABEL = '[0-9A-Za-z_\u0080-\u00ff](?:[0-9A-Za-z_\u0080-\u00ff-]*[0-9A-Za-z_\u0080-\u00ff])?';
const DOMAIN = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9A-Za-z:.]+\\])$`);

/** What stands between two commas: bare words, or a name and its address in angle brackets. */
interface Part {
  readonly words: readonly string[];
  readonly angle: string | null;
}

type Token =
  | { readonly kind: 'text'; readonly text: string; readonly apart: boolean }
  | { readonly kind: 'angle'; readonly text: string }
  | { readonly kind: ',' | ':' | ';' }
  | { readonly kind: 'wrong'; readonly text: string; readonly reason: string };

function* parts(text: string): Generator<Part | NoAddress> {
  let words: string[] = [];
  let angle: string | null = null;
  let inGroup = false;
  let fault: NoAddress | null = null;
  const flush = function* (): Generator<Part | NoAddress> {
    if (fault !== null) yield fault;
    else if (angle !== null || words.length > 0) yield { words, angle };
    [words, angle, fault] = [[], null, null];
  };
  for (const token of tokens(text))
    switch (token.kind) {
      case 'text':
        if (angle !== null)
          fault ??= {
            text: angle,
            reason: `text follows behind <${angle}>: ${quoted(token.text)}`,
          };
        else if (token.apart || words.length === 0) words.push(token.text);
        else words.push(`${words.pop() ?? ''}${token.text}`);
        break;
      case 'angle':
        if (angle !== null)
          fault ??= { text: angle, reason: `a comma is missing behind <${angle}>` };
        angle = token.text;
        break;
      case ':':
        if (inGroup || angle !== null || words.length === 0 || words.join('').includes('@'))
          fault ??= { text, reason: `${quoted(text)} has a ":" that begins no group` };
        else words = [];
        inGroup = true;
        break;
      case ';':
        yield* flush();
        inGroup = false;
        break;
      case ',':
        yield* flush();
        break;
      case 'wrong':
        fault ??= { text: token.text, reason: token.reason };
        break;
      default:
        token satisfies never;
    }
  yield* flush();
}

const BLANK = /[ \t\r\n]/;
const DEEPEST_COMMENT = 50;

/** Take a list apart; `apart` are texts with blanks or a comment before them and no "@" beside. */
function* tokens(text: string): Generator<Token> {
  let at = 0;
  let apart = true;
  let glue = false;
  while (at < text.length) {
    const char = text.charAt(at);
    if (BLANK.test(char)) {
      [apart, at] = [true, at + 1];
    } else if (char === '(') {
      const end = commentEnd(text, at);
      if (end === -1) {
        yield unreadable(text.slice(at), 'a comment does not end');
        return;
      }
      [apart, at] = [true, end];
    } else if (char === '<') {
      const end = angleEnd(text, at);
      if (end === -1) {
        yield unreadable(text.slice(at), 'a "<" has no ">"');
        return;
      }
      yield { kind: 'angle', text: bare(text.slice(at + 1, end)) };
      [apart, glue, at] = [true, false, end + 1];
    } else if (char === ',' || char === ';' || char === ':') {
      yield { kind: char };
      [apart, glue, at] = [true, false, at + 1];
    } else {
      WORD.lastIndex = at;
      const found = WORD.exec(text)?.[0];
      if (found === undefined) {
        yield unreadable(
          text.slice(at),
          char === '"' ? 'a quote does not end' : 'no address begins so',
        );
        return;
      }
      yield { kind: 'text', text: found, apart: apart && !glue && !found.startsWith('@') };
      [apart, glue, at] = [false, found.endsWith('@'), at + found.length];
    }
  }
}

function unreadable(text: string, what: string): Token {
  return { kind: 'wrong', text, reason: `${what}: ${quoted(text)}` };
}

/** A quoted string, a domain in brackets, or what has no meaning of its own. */
const WORD = /"(?:[^"\\]|\\[^])*"|\[[^\][\\]*\]|(?:[^ \t\r\n()<>[\]:;\\,"]|\\[^])+/y;
const QUOTE = /"(?:[^"\\]|\\[^])*"/y;

/** Comments may hold comments. */
function commentEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '\\') at++;
    else if (char === '(' && ++depth > DEEPEST_COMMENT) return -1;
    else if (char === ')' && --depth === 0) return at + 1;
  }
  return -1;
}

function angleEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '>') return at;
    if (char === '<') return -1;
    if (char !== '"') continue;
    QUOTE.lastIndex = at;
    if (!QUOTE.test(text)) return -1;
    at = QUOTE.lastIndex - 1;
  }
  return -1;
}

/** Without blanks, comments and the route of old times: `@relay,@other:a@b`. */
function bare(text: string): string {
  const pieces = text.match(/"(?:[^"\\]|\\[^])*"|\((?:[^()\\]|\\[^])*\)|[^"(\s]+|[("]/g) ?? [];
  const joined = pieces.filter((piece) => !/^\(.+\)$/s.test(piece)).join('');
  return joined.replace(/^@[^:"]*:/, '');
}
