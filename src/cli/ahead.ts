/** What the next minute brings → firings that the runner has ready by then, and that are the same when it is there. */
import type { Due, Foresight } from '../daemon.ts';
import type { Firing } from '../run/protocol.ts';
import { firingOfDue } from './starts.ts';

/** What the runner is told to have ready. */
type Arm = (firings: readonly Firing[], within: number) => void;

/** Every look ahead begins so long before its minute, in milliseconds ... */
const LEAST = 300;
/** ... and at most so long. */
const MOST = 20_000;

/** The jobs of the coming minute. */
export class Ahead implements Foresight {
  readonly #arm: Arm;
  readonly #isRunning: (identity: string) => boolean;
  readonly #each: number;
  /** By the crontab's label and what the entry is known by in it. */
  readonly #known = new Map<string, { readonly due: Due; readonly firing: Firing }>();

  /** @param each what it takes to have one job ready, in milliseconds */
  constructor(arm: Arm, isRunning: (identity: string) => boolean, each: number) {
    this.#arm = arm;
    this.#isRunning = isRunning;
    this.#each = each;
  }

  time(count: number): number {
    return Math.min(LEAST + count * this.#each, MOST);
  }

  prepare(due: readonly Due[], within: number): void {
    this.#known.clear();
    for (const each of due) this.#known.set(nameOf(each), { due: each, firing: firingOfDue(each) });
    const firings = [...this.#known.values()].map(({ firing }) => firing);
    this.#arm(
      firings.filter(({ overlap, identity }) => overlap === 'allow' || !this.#isRunning(identity)),
      within,
    );
  }

  /** The firing of what is due: the one that was prepared, if its table is the same as then. */
  firing(due: Due): Firing {
    const known = this.#known.get(nameOf(due));
    return known !== undefined && isSame(known.due, due) ? known.firing : firingOfDue(due);
  }
}

function nameOf({ tab, entry }: Due): string {
  return `${tab.label}\n${entry.identity}`;
}

function isSame(one: Due, other: Due): boolean {
  const [{ utc, local, which }, visit] = [one.visit, other.visit];
  if (one.tab !== other.tab || one.late !== other.late) return false;
  return utc === visit.utc && local === visit.local && which === visit.which;
}
