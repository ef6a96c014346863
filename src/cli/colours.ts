/** A table → the same with the colours of a terminal, and no character in it that moves the cursor. */
import { highlight, type Meaning, type Piece } from '../core/highlight.ts';
import { refuseSetting } from '../core/settings.ts';
import { fromBytes, toBytes } from '../system/bytes.ts';

/** Parameters of the sequence that ECMA-48 calls SGR; these colours are seen on black and on white. */
const COLOURS: Readonly<Record<Meaning, string>> = {
  comment: '2',
  name: '32',
  value: '',
  time: '36',
  user: '35',
  flag: '33',
  command: '',
  input: '33',
  bad: '31',
  plain: '',
};

/** Colour a user's table for a terminal. */
export function inColours(table: Buffer, owner: string): Buffer {
  const text = fromBytes(table);
  const pieces = highlight(text, { kind: 'user', owner, seed: '', refuse: refuseSetting });
  return toBytes(pieces.map(coloured).join(''));
}

/** A user's table for a terminal without colours. */
export function inPlain(table: Buffer): Buffer {
  return toBytes(fromBytes(table).replaceAll(CONTROLS, caretOf));
}

function coloured({ meaning, text }: Piece): string {
  const colour = COLOURS[meaning];
  const shown = harmless(text);
  return colour === '' ? shown : `\x1b[${colour}m${shown}\x1b[0m`;
}

/** Control characters but tab and newline: those of ASCII, and those of UTF-8. */
const CONTROLS = /(?![\t\n\x80-\x9f])\p{Cc}|\xc2[\x80-\x9f]/gu;

/** As `^X`, as vixie's log has it. */
function caretOf(control: string): string {
  const byte = control.charCodeAt(control.length - 1);
  return `^${String.fromCharCode((byte & 0x7f) ^ 0x40)}`;
}

/** Controls in reverse. */
function harmless(text: string): string {
  return text.replaceAll(CONTROLS, (control) => `\x1b[7m${caretOf(control)}\x1b[27m`);
}
