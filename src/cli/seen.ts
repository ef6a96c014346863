/** When entries with CRON_CATCHUP were first seen, in a file of the state directory: they missed nothing before. */
import { readFileSync } from 'node:fs';
import { settingsOf } from '../core/settings.ts';
import { identityOf } from '../run/firing.ts';
import type { Tab } from '../spool/tab.ts';
import { errorCode, reason } from '../system/failure.ts';
import { replaceFile } from '../system/replace.ts';
import type { Log } from '../system/sink.ts';

/** An entry that is not there is remembered so long, in minutes: its crontab may be refused for a while. */
const MEMORY = 31 * 1440;

/** When an entry was first seen, and since when it is gone. */
interface Sight {
  readonly first: number;
  readonly gone: number | null;
}

/** Entry's identity → UTC minutes. */
export class Seen {
  readonly #file: string;
  readonly #log: Log;
  #sights: ReadonlyMap<string, Sight>;
  readonly #known = new WeakMap<Tab, readonly string[]>();

  constructor(file: string, log: Log) {
    this.#file = file;
    this.#log = log;
    this.#sights = this.#read();
  }

  /** Look at the crontabs in force: what is new is seen now, what is gone is forgotten after a month. */
  look(tabs: readonly Tab[], now: number): void {
    const sights = new Map<string, Sight>();
    for (const tab of tabs)
      for (const identity of this.#catchingUp(tab))
        sights.set(identity, { first: this.#sights.get(identity)?.first ?? now, gone: null });
    for (const [identity, { first, gone }] of this.#sights) {
      if (sights.has(identity) || now - (gone ?? now) > MEMORY) continue;
      sights.set(identity, { first, gone: gone ?? now });
    }
    const before = JSON.stringify([...this.#sights]);
    this.#sights = sights;
    if (JSON.stringify([...sights]) !== before) this.#write();
  }

  /** When that entry was first seen; never, as far as is known: now. */
  first(identity: string): number {
    return this.#sights.get(identity)?.first ?? Infinity;
  }

  /** The identities of a crontab's entries that catch up; of ten thousand crontabs one has changed. */
  #catchingUp(tab: Tab): readonly string[] {
    const known = this.#known.get(tab);
    if (known !== undefined) return known;
    const entries = tab.entries.filter(
      ({ environment }) => settingsOf(environment).catchup !== 'skip',
    );
    const identities = entries.map((entry) => identityOf(tab.label, entry));
    this.#known.set(tab, identities);
    return identities;
  }

  #read(): ReadonlyMap<string, Sight> {
    try {
      const table: Record<string, Sight> = JSON.parse(readFileSync(this.#file, 'utf8'));
      return new Map(Object.entries(table).filter(([, { first }]) => Number.isInteger(first)));
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') this.#complain('use', error);
      return new Map();
    }
  }

  #write(): void {
    try {
      replaceFile(this.#file, `${JSON.stringify(Object.fromEntries(this.#sights))}\n`);
    } catch (error) {
      this.#complain('write', error);
    }
  }

  #complain(what: string, error: unknown): void {
    const detail = `cannot ${what} "${this.#file}": ${reason(error)}`;
    this.#log('CRON', 'ERROR', detail, { level: 'error' });
  }
}
