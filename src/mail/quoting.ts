/** Pieces of a message → the same with every line marked that an mbox would take for the beginning of a mail. */

/**
 * A line that begins like a new mail gets a mark (mboxrd's rule: also one that has marks already). Pieces may end
 * anywhere; no more is held back than the `From` of such a line.
 */
export class FromQuoting {
  /** What the last piece ended with and what may be the beginning of `From `. */
  #held = '';
  /** The line so far is nothing but marks and what is held. */
  #open = true;
  #last = '';

  /** No byte has come. */
  get isEmpty(): boolean {
    return this.#last === '';
  }

  /** Take a piece, give what of it can be written. */
  take(piece: string): string {
    if (piece === '') return '';
    this.#last = piece.slice(-1);
    const start = this.#open ? '\n' : '';
    const text = start + this.#held + piece;
    const line = text.slice(text.lastIndexOf('\n') + 1);
    const marks = text.includes('\n') ? /^>*(F(?:r(?:om?)?)?)?$/.exec(line) : null;
    this.#open = marks !== null;
    this.#held = marks?.[1] ?? '';
    const ready = text.slice(0, text.length - this.#held.length);
    return ready.replaceAll(/\n(>*)From /g, '\n$1>From ').slice(start.length);
  }

  /** What is left, with the end of the last line and the empty line after it. */
  end(): string {
    return `${this.#held}${this.#last === '\n' ? '' : '\n'}\n`;
  }
}
