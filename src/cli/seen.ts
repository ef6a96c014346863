/** When entries with CRON_CATCHUP were first seen, crontab by crontab, in a directory of the state: they missed nothing before. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { entriesWhere } from '../core/entries.ts';
import { settingsOf } from '../core/settings.ts';
import { identityOf } from '../run/firing.ts';
import type { Tab } from '../spool/tab.ts';
import { errorCode, reason } from '../system/failure.ts';
import type { Log } from '../system/sink.ts';

/** An entry that is not there is remembered so long, in minutes: its crontab may be refused for a while. */
const MEMORY = 31 * 1440;
/** And so many of a crontab, those that went last: who installs other entries all day fills no disk. */
const REMEMBERED = 1000;

/** When an entry was first seen, and since when it is gone. */
interface Sight {
  readonly first: number;
  readonly gone: number | null;
}

/** Entry's identity → UTC minutes. */
type Sights = ReadonlyMap<string, Sight>;

export class Seen {
  readonly #directory: string;
  readonly #log: Log;
  /** By the crontab's label. */
  readonly #sights = new Map<string, Sights>();
  #tabs: ReadonlyMap<string, Tab> = new Map();
  /** Crontabs whose files are older than what is known of them. */
  readonly #stale = new Set<string>();
  #writing: Promise<void> | null = null;

  constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
    this.#read();
  }

  /** Look at the crontabs in force: what is new is seen now, what is gone is forgotten after a month. */
  look(tabs: readonly Tab[], now: number): void {
    const before = this.#tabs;
    this.#tabs = new Map(tabs.map((tab) => [tab.label, tab]));
    for (const tab of tabs)
      // Of ten thousand crontabs one has changed.
      if (before.get(tab.label) !== tab) this.#update(tab.label, identitiesOf(tab), now);
    for (const label of this.#sights.keys())
      if (!this.#tabs.has(label) && (before.size === 0 || before.has(label)))
        this.#update(label, [], now);
  }

  /** When that entry was first seen; never, as far as is known: now. */
  first(label: string, identity: string): number {
    return this.#sights.get(label)?.get(identity)?.first ?? Infinity;
  }

  /** Wait until all is written that was seen. */
  async close(): Promise<void> {
    await this.#writing;
  }

  #update(label: string, identities: readonly string[], now: number): void {
    const before: Sights = this.#sights.get(label) ?? new Map();
    const after = successors(before, identities, now);
    if (isSame(before, after)) return;
    if (after.size > 0) this.#sights.set(label, after);
    else this.#sights.delete(label);
    this.#stale.add(label);
    this.#writing ??= this.#write(); // never throws
  }

  #read(): void {
    for (const label of this.#names()) {
      try {
        const table: Record<string, Sight> = JSON.parse(
          readFileSync(join(this.#directory, label), 'utf8'),
        );
        const sights = Object.entries(table).filter(([, { first }]) => Number.isInteger(first));
        this.#sights.set(label, new Map(sights));
      } catch (error) {
        this.#complain('use', label, error);
      }
    }
  }

  #names(): string[] {
    try {
      return readdirSync(this.#directory).filter((name) => !name.startsWith('.'));
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') this.#complain('use', '', error);
      return [];
    }
  }

  /** Apart from the loop: no install and no minute waits for the disk. */
  async #write(): Promise<void> {
    for (const label of this.#stale) {
      this.#stale.delete(label);
      try {
        await mkdir(this.#directory, { recursive: true, mode: 0o700 });
        await this.#writeOne(label);
      } catch (error) {
        this.#complain('write', label, error);
      }
    }
    this.#writing = null;
  }

  async #writeOne(label: string): Promise<void> {
    const file = join(this.#directory, label);
    const sights = this.#sights.get(label);
    if (sights === undefined) return rm(file, { force: true });
    const draft = join(this.#directory, `.${label}`); // no crontab is called so
    const handle = await open(draft, 'w', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(Object.fromEntries(sights))}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    return rename(draft, file);
  }

  #complain(what: string, label: string, error: unknown): void {
    const detail = `cannot ${what} "${join(this.#directory, label)}": ${reason(error)}`;
    this.#log('CRON', 'ERROR', detail, { level: 'error' });
  }
}

/** What is known of a crontab's entries when it has these: those that are there, then those that went, the last one first. */
function successors(before: Sights, identities: readonly string[], now: number): Sights {
  const after = new Map<string, Sight>();
  for (const identity of identities)
    after.set(identity, { first: before.get(identity)?.first ?? now, gone: null });
  const gone = [...before]
    .filter(([identity]) => !after.has(identity))
    .map(([identity, { first, gone: since }]) => ({ identity, first, gone: since ?? now }))
    .filter((sight) => now - sight.gone <= MEMORY)
    .toSorted((a, b) => b.gone - a.gone)
    .slice(0, REMEMBERED);
  for (const { identity, ...sight } of gone) after.set(identity, sight);
  return after;
}

function isSame(before: Sights, after: Sights): boolean {
  if (before.size !== after.size) return false;
  return [...after].every(([identity, { first, gone }]) => {
    const known = before.get(identity);
    return known !== undefined && known.first === first && known.gone === gone;
  });
}

/** The identities of a crontab's entries that catch up. */
function identitiesOf(tab: Tab): readonly string[] {
  return entriesWhere(tab.entries, (environment) => settingsOf(environment).catchup !== 'skip').map(
    (entry) => identityOf(tab.label, entry),
  );
}
