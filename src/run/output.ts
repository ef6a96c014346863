/** What a job prints: in memory at first, in a file of the state directory soon after. */
import { closeSync, fstatSync, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { reason } from '../system/failure.ts';
import { fillFrom, punchHole } from '../system/libc/blocks.ts';
import { BLOCK, closeGap } from './gap.ts';

/** Output stays in memory up to this many bytes ... */
const MEMORY_LIMIT = 64 * 1024;
/** ... and for this long, in milliseconds: what a runner that dies can lose. */
const MEMORY_TIME = 1000;
/** What is no longer than this when it goes to its file is read again from memory. */
const SHORT = 4096;
/** Pieces in which it is read again: none of them holds up the other jobs for long. */
const PIECE = 64 * 1024;

/** So much is taken from a pipe at a time, so often in a row: none holds up the other jobs for long. */
const POURED = 1024 * 1024;
const TIMES = 4;
/** Blocks are given back when there are so many of them, or a part of the limit like this: each time costs a search. */
const BATCH = 1024 * 1024;
const PART = 16;

/** Bytes that can be read more than once, and in part. */
export interface Body {
  readonly size: number;
  /** The bytes from `from` up to before `to`; of those of a long one each is gone when the next is asked for. */
  chunks(from?: number, to?: number): AsyncIterable<Uint8Array>;
}

/**
 * The output of one job, stdout and stderr in the order they came. Beyond the limit its head and
 * its tail are kept: the blocks between them are given back while it grows. It is one file all
 * the time, whose hole tells what is missing; nothing else need survive a runner that dies.
 */
export class Output implements Body {
  readonly #file: string;
  readonly #limit: number;
  /** Where the hole begins, and how far it reaches. */
  readonly #head: number;
  #hole: number;
  readonly #batch: number;
  readonly #onTrouble: (problem: string) => void;
  #memory: Buffer[] = [];
  #printed = 0;
  #size = 0;
  #lost = 0;
  #why = '';
  #omitted = 0;
  /** The file system cannot give blocks back: what is beyond the limit is not kept. */
  #isFull = false;
  #fd: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param file where it goes when it is long or takes long; the directory exists
   * @param limit bytes that are kept at most
   */
  constructor(file: string, onTrouble: (problem: string) => void, limit = Infinity) {
    this.#file = file;
    this.#limit = limit;
    this.#head = Math.floor(limit / 2 / BLOCK) * BLOCK;
    this.#hole = this.#head;
    this.#batch = Math.max(1, Math.min(BATCH, limit / PART));
    this.#onTrouble = onTrouble;
  }

  /** Bytes of it that there are; of a long one after `end()`. */
  get size(): number {
    return this.#size;
  }

  /** Bytes that the disk did not take. */
  get missing(): number {
    return this.#lost;
  }

  /** What cron has to say of what is missing; empty: nothing is. */
  get complaint(): string {
    const said = [
      this.#omitted > 0
        ? `cron: of the ${this.#printed} bytes of this output ${this.#omitted} in the middle are left out, for only ${this.#limit} are kept ([jobs] max_output)\n`
        : '',
      this.#lost > 0
        ? `cron: ${this.#lost} bytes of this output could not be kept: ${this.#why}\n`
        : '',
    ];
    return said.join('');
  }

  /** Take what was read. `bytes` may be overwritten afterwards. */
  add(bytes: Uint8Array): void {
    this.#printed += bytes.length;
    if (this.#fd === undefined && this.#printed <= MEMORY_LIMIT) {
      this.#memory.push(Buffer.from(bytes));
      this.#size += bytes.length;
      this.#timer ??= setTimeout(() => this.#spill(), MEMORY_TIME);
      return;
    }
    this.#spill();
    if (this.#isFull) this.#lost += bytes.length;
    else this.#write(bytes);
    if (this.#size > this.#limit) this.#leaveOut();
  }

  /** Take more from a pipe straight into the file, where there is one; what it cannot take so is read, and added. */
  pour(pipe: number): void {
    if (this.#fd === undefined || this.#memory.length > 0 || this.#isFull) return;
    for (let times = 0; times < TIMES; times++) {
      const length = fillFrom(pipe, this.#fd, this.#size, POURED);
      if (length === 0) return;
      this.#printed += length;
      this.#size += length;
      if (this.#size > this.#limit) this.#leaveOut();
      if (this.#isFull) return;
    }
  }

  /** Nothing comes any more: let the tail follow the head. */
  async end(): Promise<void> {
    if (this.#size > this.#limit) this.#leaveOut(1);
    if (this.#fd === undefined || this.#hole === this.#head) return;
    try {
      this.#omitted = await closeGap(this.#fd);
    } catch (error) {
      // No block is free for the first one to be moved: without its tail it is a file all the same.
      this.#lost += this.#size - this.#head;
      this.#trouble(error);
      ftruncateSync(this.#fd, this.#head);
    }
    this.#size = fstatSync(this.#fd).size;
    this.#hole = this.#head;
  }

  async *chunks(from = 0, to = this.#size): AsyncIterable<Uint8Array> {
    if (this.#fd === undefined || this.#memory.length > 0)
      yield Buffer.concat(this.#memory).subarray(from, to);
    else yield* piecesOf(this.#file, from, to);
  }

  /** Have it in a file, however short it is. */
  file(): string {
    this.#spill();
    return this.#file;
  }

  /** Have it in a file from now on, in which others may read what comes; false: the disk does not take it. */
  open(): boolean {
    return this.#spill();
  }

  /** Whether its middle is left out: what is behind it will move when it has ended. */
  get isGapped(): boolean {
    if (this.#size > this.#limit) this.#leaveOut(1); // end() would
    return this.#hole > this.#head;
  }

  /** Let what there is survive this process; false: the disk does not take it, and it is in memory still. */
  secure(): boolean {
    if (this.#size === 0) return true;
    const short = this.#size <= SHORT ? this.#memory : [];
    if (!this.#spill()) return false;
    this.#memory = short;
    return true;
  }

  /** Leave it in its file for a runner to come; false: it is not there. */
  leave(): boolean {
    if (!this.secure()) return false;
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    return true;
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

  /** Move what is in memory to the file, whole; what a full disk does not take stays, and is tried again. */
  #spill(): boolean {
    clearTimeout(this.#timer);
    if (this.#fd !== undefined) return true;
    let fd: number | undefined;
    try {
      fd = openSync(this.#file, 'wx+', 0o600);
      const bytes = Buffer.concat(this.#memory);
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    } catch (error) {
      this.#trouble(error);
      if (fd !== undefined) {
        closeSync(fd);
        unlinkSync(this.#file);
      }
      this.#timer = setTimeout(() => this.#spill(), MEMORY_TIME);
      return false;
    }
    this.#fd = fd;
    this.#memory = [];
    return true;
  }

  /** Synchronous on purpose: the read buffer is shared by all jobs, and the page cache takes it at once. */
  #write(bytes: Uint8Array): void {
    if (this.#fd !== undefined) this.#memory = [];
    let at = 0;
    while (at < bytes.length)
      try {
        if (this.#fd === undefined) throw new Error('its file could not be opened');
        const length = writeSync(this.#fd, bytes, at, bytes.length - at, this.#size);
        at += length;
        this.#size += length;
      } catch (error) {
        if (this.#makesRoom()) continue;
        this.#lost += bytes.length - at;
        return this.#trouble(error);
      }
  }

  /** On a disk that is full: give back what can be; false: there is nothing. */
  #makesRoom(): boolean {
    const before = this.#hole;
    if (this.#size > this.#limit) this.#leaveOut(1);
    return this.#hole > before;
  }

  /** Give back what is neither head nor tail, if it is so much. */
  #leaveOut(least = this.#batch): void {
    const tail = this.#size - (this.#limit - this.#head);
    const hole = tail - (tail % BLOCK);
    if (this.#fd === undefined || hole - this.#hole < least) return;
    try {
      punchHole(this.#fd, this.#hole, hole);
      this.#hole = hole;
    } catch (error) {
      this.#isFull = true;
      this.#trouble(error);
    }
  }

  #trouble(error: unknown): void {
    if (this.#why === '') {
      this.#why = reason(error);
      this.#onTrouble(`cannot keep output in "${this.#file}": ${this.#why}`);
    }
  }
}

/** Read a part of a file, through one buffer: what is to be kept must be copied. */
export async function* piecesOf(file: string, from: number, to: number): AsyncIterable<Uint8Array> {
  if (from >= to) return;
  const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE, to - from));
  const handle = await open(file);
  try {
    for (let at = from; at < to;) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(PIECE, to - at), at);
      if (bytesRead === 0) return; // it has become shorter
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
}
