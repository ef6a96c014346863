/** When entries with CRON_CATCHUP were first seen, in a file of the state directory: they missed nothing before. */
import { readFileSync } from 'node:fs';
import { settingsOf } from '../core/settings.ts';
import { identityOf } from '../run/firing.ts';
import type { Tab } from '../spool/tab.ts';
import { errorCode, reason } from '../system/failure.ts';
import { replaceFile } from '../system/replace.ts';
import type { Log } from '../system/sink.ts';

/** Entry's identity → UTC minute. */
export class Seen {
  readonly #file: string;
  readonly #log: Log;
  #minutes: ReadonlyMap<string, number>;

  constructor(file: string, log: Log) {
    this.#file = file;
    this.#log = log;
    this.#minutes = this.#read();
  }

  /** Look at the crontabs in force: what is new is seen now, what is gone is forgotten. */
  look(tabs: readonly Tab[], now: number): void {
    const minutes = new Map<string, number>();
    for (const tab of tabs)
      for (const entry of tab.entries) {
        if (settingsOf(entry.environment).catchup === 'skip') continue;
        const identity = identityOf(tab.label, entry);
        minutes.set(identity, this.#minutes.get(identity) ?? now);
      }
    const same =
      minutes.size === this.#minutes.size &&
      [...minutes.keys()].every((identity) => this.#minutes.has(identity));
    this.#minutes = minutes;
    if (!same) this.#write();
  }

  /** When that entry was first seen; never, as far as is known: now. */
  first(identity: string): number {
    return this.#minutes.get(identity) ?? Infinity;
  }

  #read(): ReadonlyMap<string, number> {
    try {
      const table: Record<string, number> = JSON.parse(readFileSync(this.#file, 'utf8'));
      return new Map(Object.entries(table).filter(([, minute]) => Number.isInteger(minute)));
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') this.#complain('use', error);
      return new Map();
    }
  }

  #write(): void {
    try {
      replaceFile(this.#file, `${JSON.stringify(Object.fromEntries(this.#minutes))}\n`);
    } catch (error) {
      this.#complain('write', error);
    }
  }

  #complain(what: string, error: unknown): void {
    const detail = `cannot ${what} "${this.#file}": ${reason(error)}`;
    this.#log('CRON', 'ERROR', detail, { level: 'error' });
  }
}
