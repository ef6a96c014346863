/** Bytes of a connection, as they come in → lines, and bytes of bodies, wherever the pieces were cut. */

/** What has come in of a connection. */
export class Frames {
  #pieces: Buffer[] = [];
  #length = 0;
  /** So many pieces, of so many bytes, are known to hold no newline. */
  #searched = { pieces: 0, bytes: 0 };

  add(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (this.#pieces.length > MANY && this.#length < MANY * SMALL) this.#join();
  }

  /** A line that comes byte by byte: each piece costs hundreds of bytes besides its own. */
  #join(): void {
    this.#pieces = [Buffer.concat(this.#pieces)];
    this.#searched = { pieces: 0, bytes: 0 };
  }

  /** Bytes that nobody has taken yet. */
  get length(): number {
    return this.#length;
  }

  /** Take a line without its newline; null: it is not whole yet; `too long`: it never will be. */
  line(limit: number): Buffer | null | 'too long' {
    const { pieces, bytes } = this.#searched;
    let before = bytes;
    for (const piece of this.#pieces.slice(pieces)) {
      const end = piece.indexOf(NEWLINE);
      if (end !== -1) {
        if (before + end > limit) return 'too long';
        const line = this.bytes(before + end);
        this.bytes(1);
        return line;
      }
      before += piece.length;
    }
    this.#searched = { pieces: this.#pieces.length, bytes: before };
    return before > limit ? 'too long' : null;
  }

  /** Take what is there, at most so many bytes. */
  bytes(most: number): Buffer {
    const taken: Buffer[] = [];
    let missing = Math.min(most, this.#length);
    this.#length -= missing;
    let used = 0;
    for (const piece of this.#pieces) {
      if (missing < piece.length) {
        if (missing > 0) taken.push(piece.subarray(0, missing));
        this.#pieces[used] = piece.subarray(missing);
        break;
      }
      taken.push(piece);
      missing -= piece.length;
      used++;
    }
    this.#pieces.splice(0, used);
    this.#searched = { pieces: 0, bytes: 0 };
    const [only] = taken;
    return taken.length === 1 && only !== undefined ? only : Buffer.concat(taken);
  }
}

const NEWLINE = 10;
/** So many pieces are put together, if they are no longer than so many bytes in the mean. */
const MANY = 256;
const SMALL = 128;
