/** Header text that is not ASCII, or too long for a line → encoded words (RFC 2047). */

import { characterAt } from './utf8.ts';

const WORD_LIMIT = 75;

/**
 * Encode a byte string as words that are joined again when they are read. No character is split;
 * what is not UTF-8 is in the charset given, or in none that is known.
 */
export function encodedWords(text: string, charset: string): string[] {
  const words: string[] = [];
  for (const { name = 'US-ASCII', characters } of runs(text, other(charset))) {
    const all = characters.join('');
    const spare = WORD_LIMIT - `=?${name}?B??=`.length;
    // Where every second byte is escaped nobody reads it, and base64 is shorter.
    const isQuoted = all.replaceAll(ESCAPED, '===').length <= 2 * all.length;
    const limit = isQuoted ? spare : Math.floor(spare / 4) * 3;
    const width = (part: string): number =>
      isQuoted ? part.replaceAll(ESCAPED, '===').length : part.length;
    for (const part of filled(characters, limit, width))
      words.push(isQuoted ? `=?${name}?Q?${quoted(part)}?=` : `=?${name}?B?${btoa(part)}?=`);
  }
  return words;
}

/** What a Q word cannot hold as it is, neither in a text nor in the name of an address. */
const ESCAPED = /[^A-Za-z0-9!*+/ -]/g;

function quoted(part: string): string {
  return part
    .replaceAll(
      ESCAPED,
      (char) => `=${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .replaceAll(' ', '_');
}

/** A charset of single bytes can be said of bytes that are not UTF-8; unknown-8bit is RFC 1428's. */
function other(charset: string): string {
  return /^(?:iso-8859-\d+|windows-125\d|koi8-[ru])$/i.test(charset) ? charset : 'unknown-8bit';
}

interface Run {
  /** Undefined as long as it is ASCII. */
  name: string | undefined;
  readonly characters: string[];
}

/** Divide into runs of one charset; ASCII belongs to what it follows, or else to what follows it. */
function runs(text: string, fallback: string): Run[] {
  const found: Run[] = [];
  for (let at = 0; at < text.length;) {
    const length = characterAt(text, at);
    const character = text.slice(at, at + Math.max(1, length));
    at += character.length;
    const last = found.at(-1);
    const name = length === 0 ? fallback : length > 1 ? 'UTF-8' : last?.name;
    if (last !== undefined && (last.name ?? name) === name) {
      last.name = name;
      last.characters.push(character);
    } else found.push({ name, characters: [character] });
  }
  return found;
}

/** Join characters to parts of at most that width. */
function filled(
  characters: readonly string[],
  limit: number,
  width: (part: string) => number,
): string[] {
  const parts: string[] = [];
  let part = '';
  let size = 0;
  for (const character of characters) {
    const more = width(character);
    if (size + more > limit && part !== '') {
      parts.push(part);
      [part, size] = ['', 0];
    }
    part += character;
    size += more;
  }
  return part === '' ? parts : [...parts, part];
}
