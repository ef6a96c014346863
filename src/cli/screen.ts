/** Lines ↔ the whole screen of a terminal, which is as it was before when all is over, whatever ends it. */
import { writeSync } from 'node:fs';

/** Escape sequences of xterm, which terminals share: another screen, no cursor, no wrapping; and back. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
/** Home; the line is empty; all below it is. The former text goes first: from its last column nothing can be cleared but itself. */
const [HOME, CLEAR, BELOW] = ['\x1b[H', '\x1b[K', '\x1b[J'];

/** Signals that end a program, and would leave the terminal as it is. */
const DEADLY = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
/** What ^Z sends: a terminal in raw mode does not make a signal of it. */
const SUSPEND = '\x1a';
/** ... and ^\ too. */
const QUIT = '\x1c';

/** The key that nobody can press: the terminal is gone. */
export const GONE = '';

/** The screen, ours until it is closed. */
export class Screen {
  readonly #onKey: (key: string) => void;
  readonly #onResize: () => void;
  #isOpen = false;

  /**
   * Take the terminal.
   * @param onKey hears of each key, as the terminal sends it
   * @param onResize called when all is to be drawn anew
   */
  constructor(onKey: (key: string) => void, onResize: () => void) {
    this.#onKey = onKey;
    this.#onResize = onResize;
    this.#open();
    process.stdin.on('data', this.#read).on('end', this.#gone).on('error', this.#gone);
    process.stdout.on('resize', onResize).on('error', this.#gone);
    for (const signal of DEADLY) process.on(signal, this.#die);
    process.on('SIGCONT', this.#resume);
    // Whatever is said then is to be read on the former screen.
    process.on('uncaughtExceptionMonitor', this.#leave);
    process.on('exit', this.#leave);
  }

  get size(): { readonly columns: number; readonly rows: number } {
    const { columns, rows } = process.stdout;
    return { columns: columns || 80, rows: rows || 24 }; // a terminal need not know its size
  }

  /** Show these lines, as many as there are rows; they are as wide as the screen at most. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const shown = lines.slice(0, this.size.rows).map((line) => `${CLEAR}${line}`);
    const rest = shown.length < this.size.rows ? `\r\n${BELOW}` : '';
    put(`${HOME}${shown.join('\r\n')}${rest}`);
  }

  /** Give the terminal back. */
  close(): void {
    this.#leave();
    process.stdin.off('data', this.#read).off('end', this.#gone).off('error', this.#gone);
    process.stdin.unref();
    process.stdout.off('resize', this.#onResize).off('error', this.#gone);
    for (const signal of DEADLY) process.off(signal, this.#die);
    process.off('SIGCONT', this.#resume);
    process.off('uncaughtExceptionMonitor', this.#leave).off('exit', this.#leave);
  }

  #open(): void {
    this.#isOpen = true;
    process.stdin.setRawMode(true);
    process.stdin.resume();
    put(ENTER);
  }

  readonly #leave = (): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    put(LEAVE);
    try {
      process.stdin.setRawMode(false);
      process.stdin.pause();
    } catch {
      // The terminal is gone.
    }
  };

  readonly #die = (signal: NodeJS.Signals): void => {
    this.close();
    process.kill(process.pid, signal);
  };

  readonly #gone = (): void => this.#onKey(GONE);

  readonly #read = (bytes: Buffer): void => {
    const key = bytes.toString('latin1');
    if (key === QUIT) return this.#die('SIGQUIT');
    if (key !== SUSPEND) return this.#onKey(key);
    this.#leave();
    process.kill(0, 'SIGTSTP'); // all of the shell's job, as the terminal would
  };

  readonly #resume = (): void => {
    if (!this.#isOpen) this.#open();
    this.#onResize();
  };
}

function put(text: string): void {
  try {
    writeSync(1, text);
  } catch {
    // Nobody sees it.
  }
}
