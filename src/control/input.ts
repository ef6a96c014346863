/** The bytes of a connection → lines and bodies, waited for. */
import { Frames } from './frames.ts';

/** The other end hung up in the middle of a line or a body. */
export class Cut extends Error {
  constructor(options?: ErrorOptions) {
    super('the connection was closed in the middle', options);
    this.name = 'Cut';
  }
}

/** What comes in, taken piece by piece: what nobody takes is not read either. */
export class Input {
  readonly #source: AsyncIterator<Buffer>;
  readonly #frames = new Frames();
  /** Bytes of the body that nobody has taken yet. */
  #missing = 0;

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /**
   * Wait for a line; its newline is cut off. Null: the other end has nothing more to say.
   * @param onFirst called once when there is something of it
   * @throws {Cut} in the middle of it
   */
  async line(limit: number, onFirst: () => void = () => {}): Promise<Buffer | null | 'too long'> {
    let begun = this.#frames.length > 0;
    if (begun) onFirst();
    for (;;) {
      const line = this.#frames.line(limit);
      if (line !== null) return line;
      const isMore = await this.#more();
      if (!isMore && !begun) return null;
      if (!isMore) throw new Cut();
      if (!begun) onFirst();
      begun = true;
    }
  }

  /** Know that so many bytes of body are next. */
  expectBody(length: number): void {
    this.#missing = length;
  }

  /**
   * Take what is left of the body, piece by piece.
   * @throws {Cut} when it is shorter
   */
  async *pieces(): AsyncGenerator<Buffer, void> {
    while (this.#missing > 0) {
      if (this.#frames.length === 0 && !(await this.#more())) throw new Cut();
      const piece = this.#frames.bytes(this.#missing);
      this.#missing -= piece.length;
      yield piece;
    }
  }

  /** Take a body that is small enough for the memory. */
  async body(): Promise<Buffer> {
    const body = Buffer.alloc(this.#missing); // one that comes byte by byte costs no more
    let at = 0;
    for await (const piece of this.pieces()) at += piece.copy(body, at);
    return body;
  }

  /** Throw away what is left of the body: else it would be read as the next head. */
  async skipBody(): Promise<void> {
    for await (const _ of this.pieces());
  }

  /** Throw away what is there or comes next; false: nothing will come. */
  async skip(): Promise<boolean> {
    this.#frames.bytes(this.#frames.length);
    return this.#more();
  }

  async #more(): Promise<boolean> {
    let next: IteratorResult<Buffer, unknown>;
    try {
      next = await this.#source.next();
    } catch (error) {
      throw new Cut({ cause: error });
    }
    if (next.done !== true) this.#frames.add(next.value);
    return next.done !== true;
  }
}
