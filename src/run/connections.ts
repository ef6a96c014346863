/** Connections to living runners → which jobs there are, where, and what each runner has to know of the others'. */
import type { Connection } from './connection.ts';
import type { Counts } from './limits.ts';
import type { RunningJob } from './protocol.ts';

/** A runner that is connected. */
export interface Connected {
  readonly id: string;
  readonly connection: Connection;
  /** It starts nothing any more, and ends after its last job. */
  readonly draining: boolean;
}

/** The runner that is given what is to start, if there is one at the moment, and those that drain. */
export class Connections {
  readonly #draining = new Map<Connection, string>();
  #own: { readonly id: string; readonly connection: Connection } | null = null;
  #sharing: NodeJS.Immediate | undefined;

  /** The runner that starts jobs; null: there is none at the moment. */
  get own(): { readonly id: string; readonly connection: Connection } | null {
    return this.#own;
  }

  /** Whether runners of before live. */
  get areDraining(): boolean {
    return this.#draining.size > 0;
  }

  /** All runners, our own last. */
  get all(): readonly Connected[] {
    const draining = [...this.#draining].map(([connection, id]) => ({
      id,
      connection,
      draining: true,
    }));
    return [...draining, ...(this.#own === null ? [] : [{ ...this.#own, draining: false }])];
  }

  /** Jobs that are running or waiting, of all runners. */
  get jobs(): readonly RunningJob[] {
    return this.all.flatMap(({ connection }) => [...connection.jobs.values()]);
  }

  /** The runner that has that job. */
  holder(run: string): Connection | null {
    return this.all.find(({ connection }) => connection.jobs.has(run))?.connection ?? null;
  }

  /** Have a runner start jobs. */
  employ(id: string, connection: Connection): void {
    this.#own = { id, connection };
    this.#watch(connection);
    this.share();
  }

  /** There is no runner of our own any more. */
  dismiss(): void {
    this.#own = null;
  }

  /** Have a runner start nothing any more. */
  drain(id: string, connection: Connection): void {
    this.#draining.set(connection, id);
    this.#watch(connection);
    connection.drain();
    this.share();
  }

  /** A runner that drained is gone, and whatever it ran. */
  lose(connection: Connection): void {
    this.#draining.delete(connection);
    for (const { identity } of connection.jobs.values()) this.freeUnlessBusy(identity);
    this.share();
  }

  /** Entries with jobs in runners that drain. */
  busyElsewhere(): string[] {
    const draining = [...this.#draining.keys()];
    return draining.flatMap(({ jobs }) => [...jobs.values()].map((job) => job.identity));
  }

  /** Tell our own runner that no other one has jobs of an entry, if that is so. */
  freeUnlessBusy(identity: string): void {
    if (!this.busyElsewhere().includes(identity)) this.#own?.connection.free(identity);
  }

  /** Tell each runner how many jobs run in the others. */
  share(): void {
    clearImmediate(this.#sharing);
    this.#sharing = undefined;
    const all = this.all.map(({ connection }) => connection);
    for (const connection of all)
      connection.elsewhere(countsOf(all.filter((other) => other !== connection)));
  }

  #watch(connection: Connection): void {
    connection.onChange = () => {
      if (!this.areDraining || this.#sharing !== undefined) return;
      this.#sharing = setImmediate(() => this.share()); // once for all that came together
    };
  }
}

/** Running jobs by user. */
function countsOf(connections: readonly Connection[]): Counts {
  const counts = new Map<string, number>();
  for (const { jobs } of connections)
    for (const { user, waiting } of jobs.values())
      if (waiting !== true) counts.set(user, (counts.get(user) ?? 0) + 1);
  return [...counts];
}
