/** The output of a job, piece by piece → what a terminal may be shown of it. */

/** All but tab, newline and carriage return; and those of Latin-1, as UTF-8 writes them. */
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]/g;
/** The second byte of the latter. */
const SECOND = /^[\x80-\x9f]/;

/** Make what shows a job's output in its order: others' jobs print what they like, but move no terminal. */
export function shownPieces(isTerminal: boolean): (piece: Buffer) => Buffer {
  if (!isTerminal) return (piece) => piece;
  let isBegun = false; // a terminal puts together what comes in two pieces
  return (piece) => {
    if (piece.length === 0) return piece;
    const text = piece.toString('latin1');
    const rest = isBegun ? text.replace(SECOND, '?') : text;
    isBegun = text.endsWith('\xc2');
    return Buffer.from(rest.replaceAll(CONTROLS, '?'), 'latin1');
  };
}
