/** The entries of a crontab in force → the same in a few numbers each, made into entries when somebody asks for them. */
import type { Entry } from './entry.ts';
import type { Environment } from './environment.ts';
import type { Schedule } from './schedule.ts';

/** Entries in the order of their lines; an array of them is one too. */
export interface Entries extends Iterable<Entry> {
  readonly length: number;
  at(index: number): Entry | undefined;
}

/** Says of an entry whether it is wanted, for its environment or for when it starts. */
type Wanted = (environment: Environment, schedule: Schedule) => boolean;

/** Those that are wanted; the others need not be made. */
export function entriesWhere(entries: Entries, isWanted: Wanted): Entry[] {
  if (entries instanceof Packed) return entries.where(isWanted);
  return [...entries].filter(({ environment, schedule }) => isWanted(environment, schedule));
}

/** Keep entries so that they cost little memory; one that is made anew is equal, and not the same. */
export function pack(entries: Iterable<Entry>): Entries {
  const packing = new Packing();
  for (const entry of entries) packing.add(entry);
  return packing.finish();
}

/**
 * Takes entries in the order of their lines, and keeps nothing of the objects that they are: one each, with the strings
 * in it, is five times as much. All that is text of them is one string in the end.
 */
export class Packing {
  readonly #identities: string[] = [];
  readonly #begins: number[] = [];
  readonly #commands: number[] = [];
  readonly #lines: number[] = [];
  readonly #schedules: Schedule[] = [];
  readonly #places: number[] = [];
  readonly #shared: Common[] = [];
  readonly #odd = new Map<number, Entry>();
  #end = 0;

  add(entry: Entry): void {
    const { identity, command, stdin, line, schedule } = entry;
    const isOdd = stdin !== null || !identity.endsWith(command);
    if (isOdd) this.#odd.set(this.#lines.length, entry);
    else if (!isCommon(this.#shared.at(-1), entry)) this.#shared.push(commonOf(entry));
    this.#begins.push(this.#end);
    if (!isOdd) {
      this.#identities.push(identity);
      this.#end += identity.length;
    }
    this.#commands.push(this.#end - command.length);
    this.#lines.push(line);
    this.#schedules.push(schedule);
    this.#places.push(this.#shared.length - 1);
  }

  finish(): Entries {
    return new Packed({
      text: this.#identities.join(''),
      begins: new Uint32Array([...this.#begins, this.#end]),
      commands: new Uint32Array(this.#commands),
      lines: new Uint32Array(this.#lines),
      schedules: [...this.#schedules], // without room for more
      places: new Uint32Array(this.#places),
      shared: this.#shared,
      odd: this.#odd,
    });
  }
}

/** What is kept of entries. */
interface Columns {
  /** The identities, one behind the other; most end in their commands. */
  readonly text: string;
  /** Where each identity begins, and where the last one ends. */
  readonly begins: Uint32Array;
  /** Where each command begins, which ends with its identity. */
  readonly commands: Uint32Array;
  readonly lines: Uint32Array;
  readonly schedules: readonly Schedule[];
  /** Of each entry, where in `shared` is what it has in common with those before it. */
  readonly places: Uint32Array;
  readonly shared: readonly Common[];
  /** Those that are not put together so simply, as they are. */
  readonly odd: ReadonlyMap<number, Entry>;
}

/** What entries that follow each other mostly have in common. */
type Common = Pick<Entry, 'user' | 'flags' | 'environment'>;

class Packed implements Entries {
  readonly #columns: Columns;

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  get length(): number {
    return this.#columns.lines.length;
  }

  at(index: number): Entry | undefined {
    const { text, begins, commands, lines, schedules, places, shared, odd } = this.#columns;
    const asItIs = odd.get(index);
    if (asItIs !== undefined) return asItIs;
    const simple = shared[places[index] ?? 0];
    const schedule = schedules[index];
    if (simple === undefined || schedule === undefined) return undefined;
    const end = begins[index + 1];
    return {
      line: lines[index] ?? 0,
      schedule,
      flags: simple.flags,
      user: simple.user,
      command: text.slice(commands[index], end),
      stdin: null,
      environment: simple.environment,
      identity: text.slice(begins[index], end),
    };
  }

  where(isWanted: Wanted): Entry[] {
    const { schedules, places, shared, odd } = this.#columns;
    const wanted: Entry[] = [];
    for (let index = 0; index < schedules.length; index++) {
      const schedule = schedules[index];
      const common = odd.get(index) ?? shared[places[index] ?? 0];
      if (schedule === undefined || common === undefined) continue;
      if (!isWanted(common.environment, schedule)) continue;
      const entry = this.at(index);
      if (entry !== undefined) wanted.push(entry);
    }
    return wanted;
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
