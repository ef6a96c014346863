/** A pipe that background children may keep open → whether it still is when the patience with them is over. */

/** Ends the patience with all children at once; a signal for it would look at each of thousands of listeners for each. */
export class Hurry {
  readonly #waiting = new Set<() => void>();
  #isOn = false;

  /** From now on no child is waited for. */
  begin(): void {
    this.#isOn = true;
    for (const late of this.#waiting) late();
  }

  /** Call back when it begins, or at once; returns what ends that. */
  on(late: () => void): () => void {
    if (this.#isOn) late();
    else this.#waiting.add(late);
    return () => this.#waiting.delete(late);
  }
}

/**
 * Wait until a pipe is closed, and no longer than that.
 * @param linger how long, in milliseconds
 */
export function stillOpen(
  closed: Promise<void>,
  linger: number,
  hurry: Hurry | undefined,
): Promise<boolean> {
  // By hand: timers that can be aborted cost more than all else that is done for a job that prints nothing.
  return new Promise((resolve) => {
    let forget: (() => void) | undefined;
    const settle = (isOpen: boolean): void => {
      clearTimeout(timer);
      forget?.();
      resolve(isOpen);
    };
    const timer = setTimeout(() => settle(true), linger);
    forget = hurry?.on(() => settle(true));
    void closed.then(() => settle(false));
  });
}
