/** Crontabs with lines that cannot run → a mail to the owner of each, once, by way of a job of his that prints it. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { firingOf } from '../run/firing.ts';
import type { Firing } from '../run/protocol.ts';
import type { Runners } from '../run/runners.ts';
import type { Tab } from '../spool/tab.ts';
import { fromText } from '../system/bytes.ts';
import { errorCode, reason } from '../system/failure.ts';
import { replaceFile } from '../system/replace.ts';
import type { Log } from '../system/sink.ts';
import { type LoadedCrontabs, ownName } from './crontabs.ts';

/** Lines that are told of at most. */
const TOLD = 100;

/** What each crontab's owner has been told, in a file of the state directory. */
export class Notices {
  readonly #file: string;
  readonly #log: Log;
  #told: Record<string, string>;

  constructor(file: string, log: Log) {
    this.#file = file;
    this.#log = log;
    this.#told = this.#read();
  }

  /**
   * The jobs that tell what is new; each crontab's complaint is told once, until it changes.
   * @param administrator owner of the system crontabs
   */
  look(tabs: readonly Tab[], administrator: string): Firing[] {
    const told: Record<string, string> = {};
    const firings: Firing[] = [];
    for (const tab of tabs) {
      const errors = tab.problems.filter(({ severity }) => severity === 'error');
      if (errors.length === 0) continue;
      const lines = errors
        .slice(0, TOLD)
        .map(
          ({ line, column, reason: words, message }) => `${line}:${column}: ${words}: ${message}`,
        );
      const digest = createHash('sha256').update(lines.join('\n'), 'latin1').digest('base64url');
      told[tab.label] = digest;
      if (this.#told[tab.label] !== digest)
        firings.push(noticeOf(tab, tab.user ?? administrator, lines, digest));
    }
    const isNew = JSON.stringify(told) !== JSON.stringify(this.#told);
    this.#told = told;
    if (isNew) this.#write();
    return firings;
  }

  #read(): Record<string, string> {
    try {
      const told: Record<string, string> | null = JSON.parse(readFileSync(this.#file, 'utf8'));
      return { ...told };
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') this.#complain('use', error);
      return {};
    }
  }

  #write(): void {
    try {
      replaceFile(this.#file, `${JSON.stringify(this.#told)}\n`);
    } catch (error) {
      this.#complain('write', error);
    }
  }

  #complain(what: string, error: unknown): void {
    const detail = `cannot ${what} "${this.#file}": ${reason(error)}`;
    this.#log('CRON', 'ERROR', detail, { level: 'error' });
  }
}

/** Mail the owners of crontabs with lines that cannot run, now and whenever that changes. */
export function tellOwners(
  crontabs: Pick<LoadedCrontabs, 'tabs' | 'onChange'>,
  runners: Pick<Runners, 'start'>,
  state: string,
  log: Log,
): void {
  const notices = new Notices(join(state, 'told'), log);
  const administrator = process.geteuid?.() === 0 ? 'root' : ownName();
  const tell = (tabs: readonly Tab[]): void => {
    void runners.start(notices.look(tabs, administrator)); // nobody waits for these; never throws
  };
  tell(crontabs.tabs);
  crontabs.onChange = tell;
}

/** A job of the owner that prints what is wrong, and so mails it. */
function noticeOf(tab: Tab, owner: string, lines: readonly string[], digest: string): Firing {
  const path = fromText(tab.path);
  const text = `These lines of the crontab ${path} cannot run; all others do:\n\n${lines.join('\n')}\n`;
  return firingOf(
    tab.label,
    owner,
    {
      line: 0,
      schedule: { kind: 'reboot' },
      flags: { quiet: true, mailOnFailure: false, single: false },
      user: null,
      command: 'cat # lines of your crontab that cannot run',
      stdin: text,
      environment: [],
      identity: 'notice',
    },
    digest,
  );
}
