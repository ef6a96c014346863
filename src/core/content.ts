/** CONTENT_TYPE, CONTENT_TRANSFER_ENCODING and what a body holds → how it is declared and written. */

import { codedSize, type Coding } from './encoding.ts';
import { lookup, type Environment } from './environment.ts';
import { quoted } from './escape.ts';
import type { Survey } from './survey.ts';

/** What the head says of the body, and how that is made true. */
export interface Content {
  readonly type: string;
  readonly encoding: string;
  /** To be applied to what the job printed. */
  readonly coding: Coding;
  /** To be applied to what cron itself says before it. */
  readonly prefaceCoding: Coding;
}

/** RFC 2045: a token, but without the 8-bit bytes and controls that no regular expression here lets in. */
const TOKEN = "[!#$%&'*+.0-9A-Z^_`a-z{|}~-]+";
const PARAMETER = `[ \\t]*;[ \\t]*${TOKEN}=(?:${TOKEN}|"[\\t !#-[\\]-~]*")`;
/** Whole, for sendmail adds what is missing: a quote, a bracket. */
const TYPE = new RegExp(`^${TOKEN}/${TOKEN}(?:${PARAMETER})*[ \\t]*;?[ \\t]*$`);
const TYPE_LIMIT = 500;
const ENCODING = /^(?:7bit|8bit|binary|quoted-printable|base64|x-[!#$%&'*+.\w^`{|}~-]{1,60})$/i;
/** Bytes as they are: whether a mailer brings them across is for us to see to. */
const PLAIN = /^(?:7bit|8bit|binary)$/i;
/** These consist of parts with encodings of their own (RFC 2045, 6.4), so that nothing may encode the whole. */
const COMPOSITE = /^(?:multipart|message)\//i;

/** Say why a value of CONTENT_TYPE or CONTENT_TRANSFER_ENCODING is certainly wrong; null if it is not. */
export function refuseContent(name: string, value: string): string | null {
  if (value === '') return null;
  if (name === 'CONTENT_TYPE')
    return isType(value)
      ? null
      : `${quoted(value)} is no media type: write one such as "text/html; charset=utf-8"`;
  if (name !== 'CONTENT_TRANSFER_ENCODING' || ENCODING.test(value)) return null;
  return `${quoted(value)} is none of 7bit, 8bit, binary, quoted-printable, base64`;
}

function isType(value: string): boolean {
  return value.length <= TYPE_LIMIT && TYPE.test(value);
}

/**
 * Decide how a body is sent. As it is, with Debian's header, unless a mailer would change or lose
 * it or it is not in the charset that is declared: then quoted-printable, or base64 where that is
 * shorter. A job that encodes by itself is left alone, and so are the parts of a multipart, as
 * long as mailers bring them across.
 *
 * @param charset of the daemon's locale
 * @param body what the job printed, and cron's own words before it
 * @param hasPreface there are such words
 */
export function contentOf(
  environment: Environment,
  charset: string,
  body: Survey,
  hasPreface: boolean,
): Content {
  const chosen = lookup(environment, 'CONTENT_TYPE') ?? '';
  let type = isType(chosen) ? chosen : ownType(charset, body);
  const encoding = chosenEncoding(environment);
  const isComposite = COMPOSITE.test(type);
  if (isComposite || !PLAIN.test(encoding)) {
    const isLost = body.nul || body.bareReturn || body.longLine;
    if (!isLost && !(isComposite && hasPreface))
      return { type, encoding, coding: 'none', prefaceCoding: codingNamed(encoding) };
    if (isComposite) type = ownType(charset, body); // the reader gets its source
  }
  const isSafe = !body.nul && !body.carriageReturn && !body.longLine && fits(body, charsetOf(type));
  if (isSafe) {
    const isTrue = PLAIN.test(encoding) && !(/^7bit$/i.test(encoding) && body.eightBit);
    return { type, encoding: isTrue ? encoding : '8bit', coding: 'none', prefaceCoding: 'none' };
  }
  const coding = shorter(body);
  return { type: shielded(type), encoding: coding, coding, prefaceCoding: coding };
}

/**
 * Keep sendmail from undoing an encoding: as it delivers to a mailbox it decodes text/plain, and then
 * breaks long lines. It looks for these letters with nothing, a blank or a semicolon behind them; to
 * all others a tab is a blank (RFC 5322).
 */
function shielded(type: string): string {
  const [, name, rest = ''] = /^(text\/plain)[ \t]*(;.*)?$/i.exec(type) ?? [];
  return name === undefined ? type : `${name}\t${rest || '; format=fixed'}`;
}

function chosenEncoding(environment: Environment): string {
  const chosen = lookup(environment, 'CONTENT_TRANSFER_ENCODING') ?? '';
  return ENCODING.test(chosen) ? chosen : '8bit';
}

/** Plain text in the daemon's charset; where that is ASCII alone and the text is not, what it seems to be. */
function ownType(charset: string, { eightBit, utf8 }: Survey): string {
  const better = utf8 ? 'UTF-8' : UNKNOWN;
  return `text/plain; charset=${isAscii(charset) && eightBit ? better : charset}`;
}

/** RFC 1428. */
const UNKNOWN = 'unknown-8bit';

function isAscii(charset: string): boolean {
  return /^(?:us-)?ascii$/i.test(charset);
}

/** Of other charsets nothing is known, or every byte is one of their characters. */
function fits({ eightBit, utf8 }: Survey, charset: string): boolean {
  if (/^utf-?8$/i.test(charset)) return utf8;
  return !eightBit || !(isAscii(charset) || charset === UNKNOWN);
}

function charsetOf(type: string): string {
  return (
    /;[ \t]*charset[ \t]*=[ \t]*"?(?<charset>[^ \t;"]+)/i.exec(type)?.groups?.['charset'] ?? ''
  );
}

function codingNamed(encoding: string): Coding {
  const name = encoding.toLowerCase();
  return name === 'quoted-printable' || name === 'base64' ? name : 'none';
}

function shorter(body: Survey): Coding {
  const isShorter = codedSize(body, 'quoted-printable') <= codedSize(body, 'base64');
  return isShorter ? 'quoted-printable' : 'base64';
}
