/** Users → what PAM says of their accounts, asked by a process of its own: what a module does to its process is not done to us. */
import { type ChildProcess, fork } from 'node:child_process';
import type { PamAnswer } from '../system/libc/pam.ts';

/** What a checker is asked, and what it answers. */
export interface CheckerQuestion {
  readonly number: number;
  readonly user: string;
}
export type CheckerAnswer = PamAnswer & Pick<CheckerQuestion, 'number'>;

interface Asked {
  readonly resolve: (answer: PamAnswer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** The process died before it answered; for that user or for another one. */
export class Died extends Error {}

/** One such process. */
export class Checker {
  readonly #child: ChildProcess;
  readonly #asked = new Map<number, Asked>();
  readonly #hang: number;
  readonly #idle: number;
  #count = 0;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;

  /**
   * Start it.
   * @param hang what takes longer has hung, in milliseconds: nothing more is asked there
   * @param idle without a question for so long, it ends; in milliseconds
   */
  constructor(program: string, hang: number, idle: number) {
    this.#hang = hang;
    this.#idle = idle;
    const zone = process.env['TZ']; // time.conf(5) goes by it
    this.#child = fork(program, [], {
      // Each check holds a thread as long as it takes.
      env: { UV_THREADPOOL_SIZE: '64', ...(zone !== undefined && { TZ: zone }) },
      execArgv: process.execArgv, // as we were started ourselves
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child.on('message', (answer: CheckerAnswer) => this.#hear(answer));
    this.#child.once('error', (error) => this.#end(error)); // it could not be started
    this.#child.once('exit', (code, signal) => {
      this.#end(new Died(`the process that asked it died (${signal ?? `exit status ${code}`})`));
    });
  }

  /** Nothing can be asked any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Ask.
   * @throws Died, or why the process could not be started, or that it hung
   */
  ask(user: string): Promise<PamAnswer> {
    const number = ++this.#count;
    clearTimeout(this.#timer);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#hung(number), this.#hang).unref();
      this.#asked.set(number, { resolve, reject, timer });
      const question: CheckerQuestion = { number, user };
      // Where it cannot be sent, an end follows.
      if (this.#child.connected) this.#child.send(question, () => {});
    });
  }

  #hear({ number, status, text }: CheckerAnswer): void {
    this.#take(number)?.resolve({ status, text });
    if (this.#asked.size > 0) return;
    // It does not see to its end what hangs there.
    if (this.#isOver) this.#letGo();
    else this.#timer = setTimeout(() => this.#letGo(), this.#idle).unref();
  }

  /** A module that hangs is ended with its process: when nobody else waits for that. */
  #hung(number: number): void {
    this.#isOver = true;
    this.#take(number)?.reject(new Error(`it did not answer in ${this.#hang / 1000} s`));
    if (this.#asked.size === 0) this.#child.kill('SIGKILL');
  }

  #letGo(): void {
    this.#isOver = true;
    if (this.#child.connected) this.#child.disconnect();
    this.#child.unref();
  }

  #end(error: Error): void {
    this.#isOver = true;
    for (const number of this.#asked.keys()) this.#take(number)?.reject(error);
  }

  #take(number: number): Asked | undefined {
    const asked = this.#asked.get(number);
    clearTimeout(asked?.timer);
    this.#asked.delete(number);
    return asked;
  }
}
