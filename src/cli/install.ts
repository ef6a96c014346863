/** A user's new table → checked, kept, written, in force; or gone. One after the other, user by user. */
import { createHash } from 'node:crypto';
import { setImmediate as breathe } from 'node:timers/promises';
import type { Call } from '../control/desk.ts';
import { type Refusal, refusal } from '../control/protocol.ts';
import { type Crontab, parseInSteps } from '../core/crontab.ts';
import type { Entries } from '../core/entries.ts';
import type { Problem } from '../core/problem.ts';
import type { Backups } from '../spool/backup.ts';
import type { Crontabs, TabOwner } from '../spool/store.ts';
import { loadOptions } from '../spool/tab.ts';
import { toBytes, toText } from '../system/bytes.ts';
import { Failure } from '../system/failure.ts';
import { Turns } from '../system/turns.ts';
import { strictly, tidy } from './check.ts';
import type { LoadedCrontabs } from './crontabs.ts';

/** What it takes to change a table. */
export interface InstallTools {
  readonly store: Crontabs;
  readonly backups: Backups;
  readonly crontabs: Pick<LoadedCrontabs, 'reload'>;
  readonly hostname: string;
}

/** Problems that an answer tells at most. */
const TOLD = 1000;

/** Changes of tables, each whole before the next one of its user begins. Null: done; else why not. */
export class Changes {
  readonly #tools: InstallTools;
  readonly #lines = new Map<string, Turns>();
  /** Long tables are parsed one after the other, in steps: a minute may begin in between. */
  readonly #parsing = new Turns();

  constructor(tools: InstallTools) {
    this.#tools = tools;
  }

  /** Put a table in force. */
  install({ user, head }: Call, table: Buffer): Promise<Refusal | null> {
    return this.#inLine(user.name, async () => {
      const { text, unfinished } = tidy(table);
      const crontab = await this.#parse(text, user.name);
      const invalid = whyInvalid(crontab.problems, unfinished);
      if (invalid !== null) return invalid;
      const { store, crontabs } = this.#tools;
      const changed = await this.#keep(user, head.seen);
      if (changed !== null) return changed;
      await store.install(user, toBytes(text));
      const trouble = await crontabs.reload(user.name, { text, crontab });
      if (trouble === null) return null;
      return refusal('failed', `The crontab is installed, but not in force: ${trouble}`);
    });
  }

  /** Remove a table. */
  remove({ user, head }: Call): Promise<Refusal | null> {
    return this.#inLine(user.name, async () => {
      const { store, crontabs } = this.#tools;
      const changed = await this.#keep(user, head.seen);
      if (changed !== null) return changed;
      if (!(await store.remove(user))) return noCrontab(user);
      await crontabs.reload(user.name);
      return null;
    });
  }

  /** Keep the table that is about to go, if it is the one that was seen. */
  async #keep(user: TabOwner, seen: string | undefined): Promise<Refusal | null> {
    const { store, backups } = this.#tools;
    let old: Buffer | null;
    try {
      old = await store.read(user);
    } catch (error) {
      // A link or a FIFO that somebody planted there is no table to keep: it goes.
      if (seen !== undefined || !(error instanceof Failure)) throw error;
      return null;
    }
    if (seen !== undefined && seen !== digestOf(old)) {
      const meanwhile = `The crontab of ${user.name} was changed by somebody else meanwhile`;
      return refusal('changed', meanwhile);
    }
    if (old !== null) await backups.keep(user, old);
    return null;
  }

  async #parse(text: string, owner: string): Promise<Crontab<Entries>> {
    // With the seed of the load: what is parsed here is what will be in force.
    const options = loadOptions({ label: owner, user: owner }, this.#tools.hostname);
    const steps = parseInSteps(text, strictly(options));
    const first = steps.next();
    if (first.done === true) return first.value;
    return this.#parsing.last(async () => {
      for (;;) {
        await breathe();
        const step = steps.next();
        if (step.done === true) return step.value;
      }
    });
  }

  async #inLine<T>(name: string, work: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(name) ?? new Turns();
    this.#lines.set(name, line);
    try {
      return await line.last(work);
    } finally {
      if (line.isIdle) this.#lines.delete(name);
    }
  }
}

/** What tells a table from every other one, as `seen` has it. */
export function digestOf(table: Buffer | null): string {
  return table === null ? 'none' : createHash('sha256').update(table).digest('hex');
}

export function noCrontab({ name }: TabOwner): Refusal {
  return refusal('none', `no crontab for ${name}`);
}

function whyInvalid(problems: readonly Problem[], unfinished: boolean): Refusal | null {
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) {
    const told = problems
      .slice(0, TOLD)
      .map((problem) => ({ ...problem, message: toText(problem.message) }));
    const count = errors.length === 1 ? 'an error' : `${errors.length} errors`;
    return { ...refusal('invalid', `The crontab has ${count}`), problems: told };
  }
  if (!unfinished) return null;
  return refusal('invalid', 'The last line of the crontab has no newline: it may be cut short');
}
