/** What a job prints: in memory at first, in a file of the state directory soon after. */
import { closeSync, createReadStream, openSync, unlinkSync, writeSync } from 'node:fs';
import { reason } from '../system/failure.ts';

/** Output stays in memory up to this many bytes ... */
const MEMORY_LIMIT = 64 * 1024;
/** ... and for this long, in milliseconds: what a runner that dies can lose. */
const MEMORY_TIME = 1000;

/** The output of one job, stdout and stderr in the order they came. */
export class Output {
  readonly #file: string;
  readonly #limit: number;
  readonly #onTrouble: (problem: string) => void;
  #memory: Buffer[] = [];
  #size = 0;
  #lost = 0;
  #fd: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param file where it goes when it is long or takes long; the directory exists
   * @param limit bytes that are kept at most; the rest is counted
   */
  constructor(file: string, onTrouble: (problem: string) => void, limit = Infinity) {
    this.#file = file;
    this.#limit = limit;
    this.#onTrouble = onTrouble;
  }

  /** Bytes printed so far, up to the limit. */
  get size(): number {
    return this.#size;
  }

  /** Bytes that were not kept, beyond the limit or because the disk was full. */
  get lost(): number {
    return this.#lost;
  }

  /** Take what was read. `bytes` may be overwritten afterwards. */
  add(read: Uint8Array): void {
    const bytes = read.subarray(0, Math.max(0, this.#limit - this.#size));
    this.#lost += read.length - bytes.length;
    this.#size += bytes.length;
    if (bytes.length === 0) return;
    if (this.#fd === undefined && this.#size <= MEMORY_LIMIT) {
      this.#memory.push(Buffer.from(bytes));
      this.#timer ??= setTimeout(() => this.#spill(), MEMORY_TIME);
      return;
    }
    this.#spill();
    this.#write(bytes);
  }

  /** The whole of it, piece by piece. */
  async *chunks(): AsyncIterable<Buffer> {
    if (this.#fd === undefined) yield* this.#memory;
    else
      yield* createReadStream(this.#file, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>;
  }

  /** Leave it in its file, however short it is, for a runner to come. */
  leave(): void {
    if (this.#size > 0) this.#spill();
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** Forget it: the mail is in somebody else's hands, or nobody wanted it. */
  discard(): void {
    clearTimeout(this.#timer);
    this.#memory = [];
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
    unlinkSync(this.#file);
  }

  #spill(): void {
    clearTimeout(this.#timer);
    if (this.#fd !== undefined) return;
    try {
      this.#fd = openSync(this.#file, 'wx', 0o600);
    } catch (error) {
      this.#trouble(error);
      return;
    }
    for (const bytes of this.#memory) this.#write(bytes);
    this.#memory = [];
  }

  /** Synchronous on purpose: the read buffer is shared by all jobs, and the page cache takes it at once. */
  #write(bytes: Uint8Array): void {
    let at = 0;
    try {
      if (this.#fd === undefined) throw new Error('its file could not be opened');
      while (at < bytes.length) at += writeSync(this.#fd, bytes, at);
    } catch (error) {
      this.#lost += bytes.length - at;
      this.#trouble(error);
    }
  }

  #troubled = false;
  #trouble(error: unknown): void {
    if (!this.#troubled) this.#onTrouble(`cannot keep output in "${this.#file}": ${reason(error)}`);
    this.#troubled = true;
  }
}
