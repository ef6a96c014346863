/** Inquiries to the history → a process that has it open, started when it is needed and gone when it is not. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { HistoryPlace, Inquiry, Told } from '../history/historian.ts';
import type { Order, Reply } from './historian.ts';

const PROGRAM = fileURLToPath(new URL('./historian.js', import.meta.url));

/** One that nobody asks is ended after so long, in milliseconds. */
const IDLE = 3000;
/** One that does not answer for so long is hung. */
const PATIENCE = 60_000;
/** So many inquiries wait at most. */
const WAITING_LIMIT = 100;

interface Waiting {
  readonly resolve: (told: Told) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The historian: SQLite, which takes memory and time, is not in the scheduler, and what goes wrong
 * there is not the scheduler's end.
 */
export class Historians {
  readonly #place: Omit<HistoryPlace, 'check'>;
  #child: ChildProcess | null = null;
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;
  #isChecked = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(place: Omit<HistoryPlace, 'check'>) {
    this.#place = place;
  }

  /**
   * Ask.
   * @throws when there is no answer to be had
   */
  async ask(inquiry: Inquiry): Promise<Told> {
    if (this.#waiting.size >= WAITING_LIMIT) throw new Error('too many ask at the same time');
    const child = this.#child ?? this.#start();
    const number = ++this.#count;
    this.#expect(PATIENCE, () => child.kill('SIGKILL'));
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      send(child, { number, inquiry });
    });
  }

  /** Let it go: what it is doing it does to the end. */
  close(): void {
    clearTimeout(this.#timer);
    if (this.#child?.connected) this.#child.disconnect();
    this.#forget('cron ends');
  }

  #start(): ChildProcess {
    const child = fork(PROGRAM, [], {
      env: { UV_THREADPOOL_SIZE: '1' },
      execArgv: [],
      serialization: 'advanced', // output is bytes
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child = child;
    child.on('message', (reply: Reply) => this.#hear(reply));
    child.on('error', (error) => this.#end(child, error.message));
    child.on('exit', (code, signal) =>
      this.#end(child, signal === null ? `ended with status ${code}` : `was ended by ${signal}`),
    );
    send(child, { place: { ...this.#place, check: !this.#isChecked } });
    return child;
  }

  #hear(reply: Reply): void {
    const waiting = this.#waiting.get(reply.number);
    this.#waiting.delete(reply.number);
    if ('failed' in reply) waiting?.reject(new Error(reply.failed));
    else {
      this.#isChecked = true;
      waiting?.resolve(reply.told);
    }
    if (this.#waiting.size === 0) this.#expect(IDLE, () => this.close());
  }

  #end(child: ChildProcess, how: string): void {
    if (this.#child !== child) return;
    clearTimeout(this.#timer);
    this.#forget(`the historian ${how}`);
  }

  #forget(why: string): void {
    this.#child = null;
    for (const { reject } of this.#waiting.values()) reject(new Error(why));
    this.#waiting.clear();
  }

  #expect(time: number, otherwise: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(otherwise, time);
    this.#timer.unref();
  }
}

function send(child: ChildProcess, order: Order): void {
  child.send(order, () => {}); // where it fails, `exit` follows
}
