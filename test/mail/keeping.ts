/** An outbox in a folder, with a clock and hands that do what a test says. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Envelope, readEnvelope } from '../../src/mail/envelope.ts';
import { idOf, makeOutbox, type State } from '../../src/mail/outbox.ts';
import { post, type Posting } from '../../src/mail/post.ts';
import { Rounds, type RoundsTools } from '../../src/mail/rounds.ts';
import type { Outgoing, Refused } from '../../src/system/outgoing.ts';
import type { User } from '../../src/system/users.ts';
import { until } from '../support/wait.ts';
import { bytesOf, mailOf } from './mail.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const BEGIN = Date.parse('2026-11-22T12:00:00Z');

/** What a hand was given. */
export interface Given {
  readonly at: number;
  readonly run: string;
  readonly recipients: readonly string[];
  readonly text: string;
}

/** Made-up users of a machine. */
export function userOf(name: string, uid: number): User {
  return { name, uid, gid: uid, home: '/', shell: '/bin/sh', groups: [uid] };
}

export class Keeping {
  readonly outbox: string;
  readonly users = new Map([
    ['alice', userOf('alice', 1001)],
    ['bob', userOf('bob', 1002)],
  ]);
  readonly given: Given[] = [];
  readonly deposited: Given[] = [];
  readonly logged: string[] = [];
  now = BEGIN;
  /** Says who is refused; nobody, if it says nothing. */
  hand: (mail: Outgoing) => readonly Refused[] | Promise<readonly Refused[]> = () => [];
  deposit: (mail: Outgoing) => readonly Refused[] | Promise<readonly Refused[]> = () => [];
  #rounds: Rounds | null = null;

  constructor(t: TestContext) {
    const folder = mkdtempSync(join(tmpdir(), 'outbox-'));
    this.outbox = join(folder, 'outbox');
    makeOutbox(this.outbox);
    t.after(async () => {
      await this.#rounds?.close(0);
      rmSync(folder, { recursive: true, force: true });
    });
  }

  /** A scheduler begins; what one before it was doing stays as it was. */
  async open(changed: Partial<RoundsTools> = {}): Promise<Rounds> {
    await this.#rounds?.close(0);
    this.#rounds = new Rounds({
      outbox: this.outbox,
      now: () => this.now,
      hand: async (mail) => {
        this.given.push(await this.#note(mail));
        return this.hand(mail);
      },
      deposit: async (mail) => {
        this.deposited.push(await this.#note(mail));
        return this.deposit(mail);
      },
      users: { find: async (name) => this.users.get(name) ?? null },
      log: (who, event, detail) => void this.logged.push(`(${who}) ${event} (${detail})`),
      terms: { keep: 5 * DAY, firstPause: MINUTE },
      limits: { mails: 100, bytes: 1_000_000 },
      ...changed,
    });
    await this.#rounds.open();
    return this.#rounds;
  }

  async #note(mail: Outgoing): Promise<Given> {
    const text = (await bytesOf(mail)).toString('latin1');
    return { at: this.now - BEGIN, run: mail.run, recipients: mail.recipients, text };
  }

  /** Put a mail into the queue, as a runner does that has tried it, or has not. */
  async post(
    run: string,
    changed: Partial<Outgoing> = {},
    posting: Partial<Posting> = {},
  ): Promise<string> {
    const mail = mailOf(`body of ${run}\n`, { run, user: userOf('alice', 1001), ...changed });
    await post(this.outbox, mail, { refused: null, now: this.now, next: this.now, ...posting });
    return idOf(mail.user.uid, run);
  }

  /** Names of what lies in a state. */
  ids(state: State = 'queue'): string[] {
    return readdirSync(join(this.outbox, state)).toSorted();
  }

  file(id: string, name = 'envelope.json', state: State = 'queue'): string {
    return join(this.outbox, state, id, name);
  }

  envelope(id: string, state: State = 'queue'): Envelope {
    return readEnvelope(readFileSync(this.file(id, 'envelope.json', state), 'utf8'));
  }

  /** Change what the envelope's file says. */
  change(id: string, changed: object): void {
    const text = JSON.stringify({ ...this.envelope(id), ...changed });
    writeFileSync(this.file(id), text);
  }

  /** Put a file anywhere below the outbox. */
  write(name: string, text: string): void {
    const file = join(this.outbox, name);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
  }

  /** Let time pass, look each minute, and let each try come to its end. */
  async pass(ms: number, rounds: Rounds, step = MINUTE): Promise<void> {
    await this.quiet(rounds);
    for (const end = this.now + ms; this.now < end;) {
      this.now += step;
      await rounds.look();
      await this.quiet(rounds);
    }
  }

  /** Wait until nothing is being tried that could come to an end. */
  async quiet(rounds: Rounds): Promise<void> {
    await until('all tries have ended', () => rounds.isQuiet());
  }
}

/** Refuse recipients. */
export function no(recipients: readonly string[], permanent = false, reason = 'no'): Refused[] {
  return recipients.map((recipient) => ({ recipient, reason, permanent }));
}
