/** Orders to a client of its own process → tables installed over the control socket, and a ledger of them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Whose tables, from which number on. */
export interface Owner {
  readonly name: string;
  readonly uid: number;
  readonly from: number;
  /** When the first one is sent, in milliseconds since the epoch; absent: at once. */
  readonly at?: number;
}

export interface Orders {
  readonly socket: string;
  readonly owners: readonly Owner[];
  /** Tables of each, one after the other. */
  readonly each: number;
  /** Of every entry in them. */
  readonly schedule: string;
  /** Connect anew when the daemon is gone, and go on with the next table. */
  readonly persistent?: boolean;
}

/** What is known of one user's installs. */
export interface Account {
  /** Numbers of the last table that was sent, and of the last one that cron said is in force. */
  sent: number;
  done: number;
  /** When that was said, in milliseconds since the epoch. */
  at: number;
}

/** By user. */
export class Ledger {
  readonly accounts = new Map<string, Account>();
  readonly refused: string[] = [];
  done = 0;
  /** Milliseconds that each install took. */
  readonly times: number[] = [];
  readonly #began = new Map<string, number>();

  of(name: string): Account {
    const account = this.accounts.get(name) ?? { sent: -1, done: -1, at: 0 };
    this.accounts.set(name, account);
    return account;
  }

  enter(line: string): void {
    const [, name = '', number, time, what = ''] = /^(\S+) (\d+) (\d+) (.+)$/.exec(line) ?? [];
    const account = this.of(name);
    if (what === 'sent') {
      account.sent = Number(number);
      this.#began.set(name, Number(time));
    } else if (what === 'done') {
      Object.assign(account, { done: Number(number), at: Number(time) });
      this.done++;
      this.times.push(Number(time) - (this.#began.get(name) ?? 0));
    } else this.refused.push(line);
  }
}

/** Table number `number` of a user; it tells who and which it is, and whether it is whole. Some are long. */
export function tableOf(name: string, number: number, schedule: string): string {
  const count = entriesOf(name, number);
  const entries = Array.from({ length: count }, (_, index) => `${schedule} : ${name} ${index}\n`);
  return `# ${number} of ${name}\n${entries.join('')}# end of ${number}\n`;
}

/** How many entries it has: one table in twenty is long, but none is the first; of all users at a time one in twenty has it. */
export function entriesOf(name: string, number: number): number {
  const letters = Buffer.from(name).reduce((sum, letter) => sum + letter, 0);
  return number > 0 && (letters + number) % 20 === 19 ? 1000 : (number % 7) + 1;
}

/** Which table of the user a text is; it is whole. Null: it is none. */
export function numberOf(name: string, text: string, schedule: string): number | null {
  const number = Number(/^# (\d+) of /.exec(text)?.[1] ?? -1);
  return number >= 0 && text === tableOf(name, number, schedule) ? number : null;
}

export interface Installer {
  /** Resolves when it has ended; null: it was killed. */
  readonly ended: Promise<number | null>;
  kill(): void;
}

const PROGRAM = fileURLToPath(new URL('./installer.js', import.meta.url));

/** Start a client; what it does goes into the ledger. */
export function startInstaller(orders: Orders, ledger: Ledger): Installer {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(orders)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => ledger.enter(line));
  const read = once(lines, 'close');
  const ended = once(child, 'exit').then(async () => {
    await read;
    return child.exitCode;
  });
  return { ended, kill: () => void child.kill('SIGKILL') };
}
