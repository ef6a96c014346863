/** The runner's side of watching: whose output is in a file at once, and stays there until who watches has it. */
import type { Output } from './output.ts';

/** How long an output is kept for those who watch, in milliseconds; its mail waits so long. */
export const HOLD = 2000;

/** Outputs of jobs that are running, and which of them are watched. */
export class Watched {
  readonly #outputs = new Map<string, Output>();
  /** Watched runs, and what lets them go. */
  readonly #release = new Map<string, () => void>();
  readonly #seen = new Map<string, Promise<void>>();

  /** Know the output of a run. */
  add(run: string, output: Output): void {
    this.#outputs.set(run, output);
  }

  /** Have a run's output in its file from now on; false: it is not there, or the disk is full. */
  watch(run: string): boolean {
    const output = this.#outputs.get(run);
    if (output === undefined) return false;
    if (!this.#seen.has(run))
      this.#seen.set(run, new Promise((resolve) => this.#release.set(run, resolve)));
    return output.open();
  }

  /** Whether somebody watches it. */
  has(run: string): boolean {
    return this.#seen.has(run);
  }

  /** Wait until who watches has all of an output, but not for long. */
  async seen(run: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, HOLD)));
    await Promise.race([this.#seen.get(run), late]);
    clearTimeout(timer);
  }

  /** Nobody watches it any more. */
  release(run: string): void {
    this.#release.get(run)?.();
    this.#release.delete(run);
    this.#seen.delete(run);
  }

  /** The scheduler is gone, and with it all who watched. */
  releaseAll(): void {
    for (const run of this.#release.keys()) this.release(run);
  }

  /** The run is over: its output goes to its mail. */
  remove(run: string): void {
    this.#outputs.delete(run);
    this.release(run);
  }
}
