/** The entries of a crontab in force → the same in a few numbers each, made into entries when somebody asks for them. */
import type { Entry } from './entry.ts';
import type { Schedule } from './schedule.ts';

/** Entries in the order of their lines; an array of them is one too. */
export interface Entries extends Iterable<Entry> {
  readonly length: number;
  at(index: number): Entry | undefined;
}

/**
 * Keep entries so that they cost little memory: an object each, with the strings in it, is five times as much.
 *
 * All that is text of them is one string. An entry that says the same twice, or is made anew, is equal and not the same.
 */
export function pack(entries: readonly Entry[]): Entries {
  return new Packed(entries);
}

/** What entries that follow each other mostly have in common. */
type Common = Pick<Entry, 'user' | 'flags' | 'environment'>;

class Packed implements Entries {
  readonly length: number;
  /** The identities, one behind the other; most end in their commands. */
  readonly #text: string;
  /** Where each identity begins, and where the last one ends. */
  readonly #begins: Uint32Array;
  /** Where each command begins, which ends with its identity. */
  readonly #commands: Uint32Array;
  readonly #lines: Uint32Array;
  readonly #schedules: readonly Schedule[];
  /** Of each entry, where in `#shared` is what it has in common with those before it. */
  readonly #places: Uint32Array;
  readonly #shared: readonly Common[];
  /** Those that are not put together so simply, as they are. */
  readonly #odd: ReadonlyMap<number, Entry>;

  constructor(entries: readonly Entry[]) {
    const { length } = entries;
    this.length = length;
    this.#begins = new Uint32Array(length + 1);
    this.#commands = new Uint32Array(length);
    this.#lines = new Uint32Array(length);
    this.#places = new Uint32Array(length);
    const odd = new Map<number, Entry>();
    const kept: string[] = [];
    const shared: Common[] = [];
    let end = 0;
    for (const [index, entry] of entries.entries()) {
      const { identity, command, stdin, line } = entry;
      this.#begins[index] = end;
      if (stdin !== null || !identity.endsWith(command)) {
        odd.set(index, entry);
        continue;
      }
      kept.push(identity);
      end += identity.length;
      this.#commands[index] = end - command.length;
      this.#lines[index] = line;
      if (!isCommon(shared.at(-1), entry)) shared.push(commonOf(entry));
      this.#places[index] = shared.length - 1;
    }
    this.#begins[length] = end;
    this.#text = kept.join('');
    this.#schedules = entries.map(({ schedule }) => schedule);
    this.#shared = shared;
    this.#odd = odd;
  }

  at(index: number): Entry | undefined {
    const odd = this.#odd.get(index);
    if (odd !== undefined) return odd;
    const shared = this.#shared[this.#places[index] ?? 0];
    const schedule = this.#schedules[index];
    if (shared === undefined || schedule === undefined) return undefined;
    const end = this.#begins[index + 1];
    return {
      line: this.#lines[index] ?? 0,
      schedule,
      flags: shared.flags,
      user: shared.user,
      command: this.#text.slice(this.#commands[index], end),
      stdin: null,
      environment: shared.environment,
      identity: this.#text.slice(this.#begins[index], end),
    };
  }

  *[Symbol.iterator](): Generator<Entry> {
    for (let index = 0; index < this.length; index++) {
      const entry = this.at(index);
      if (entry !== undefined) yield entry;
    }
  }
}

function commonOf({ user, flags, environment }: Entry): Common {
  return { user, flags, environment };
}

function isCommon(common: Common | undefined, { user, flags, environment }: Entry): boolean {
  return common?.environment === environment && common.flags === flags && common.user === user;
}
