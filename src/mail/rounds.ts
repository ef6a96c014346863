/** The queue of the outbox → each mail tried when its time has come, some at a time; the scheduler's side. */
import { setTimeout as pause } from 'node:timers/promises';
import { reason } from '../system/failure.ts';
import { markOfAll } from '../system/mark.ts';
import { Attempts, type AttemptTools } from './attempt.ts';
import { takeOver } from './former.ts';
import { clear, find, list, makeOutbox, move, placeOf, uidOf } from './outbox.ts';
import { tellOver, usersOver } from './over.ts';
import { post } from './post.ts';
import { type Limits, Room } from './room.ts';
import { nextTry } from './terms.ts';
import { removeDrafts } from './drafts.ts';

/** What the rounds work with. */
export interface RoundsTools extends AttemptTools {
  readonly limits: Limits;
}

/** Mails that are tried at the same time: of all users, and of one, whose mailer may hang. */
const AT_ONCE = 64;
const AT_ONCE_PER_USER = 4;
/** Whoever looks each minute needs no timer for what is further away, in milliseconds. */
const MINUTE = 60_000;
/** So many minutes may pass without a look. */
const SKIPPED = 9;
/** A user is told of mails that were not kept once in so long, in milliseconds. */
const NOTICE = 3_600_000;

/** How long mailers are waited for at the end that are at work, in milliseconds. */
const LAST = 5000;

/** All mails that wait. */
export class Rounds {
  readonly #tools: RoundsTools;
  readonly #attempts: Attempts;
  readonly #room: Room;
  /** When each is to be tried. */
  readonly #waiting = new Map<string, number>();
  /** Those whose time has come, user by user, in the order of their times. */
  readonly #due = new Map<number, string[]>();
  readonly #lined = new Set<string>();
  readonly #trying = new Map<string, Promise<void>>();
  readonly #told = new Map<number, number>();
  #looking: Promise<void> | null = null;
  #again = false;
  /** Of the directories, at the last look in a minute; and whether there was nothing in them. */
  #seen = '';
  #isEmpty = false;
  #skipped = 0;
  #timer: NodeJS.Timeout | undefined;
  #armed = Infinity;
  #closed = false;

  constructor(tools: RoundsTools) {
    this.#tools = tools;
    this.#attempts = new Attempts(tools);
    this.#room = new Room(tools.outbox, tools.limits);
  }

  /** Begin with what a scheduler before this one left. */
  async open(): Promise<void> {
    const { outbox } = this.#tools;
    try {
      makeOutbox(outbox);
      await removeDrafts(outbox);
      for (const id of await list(outbox, 'old')) await clear(outbox, id);
    } catch (error) {
      this.#complain(error);
    }
    await this.look();
  }

  /** Look what is new and what is due; whoever posts says so, and who does not is found within a minute. */
  look(): Promise<void> {
    this.#again = true;
    this.#looking ??= this.#lookAsLongAsAsked();
    return this.#looking;
  }

  /** The same in a minute in which nobody has posted: not if the outbox is empty, and its directories are as they were. */
  minute(): void {
    const { outbox } = this.#tools;
    const mark = markOfAll([outbox, placeOf(outbox, 'queue'), placeOf(outbox, 'over')]);
    const isSame = !mark.young && mark.text === this.#seen && this.#isEmpty && this.isQuiet();
    if (isSame && this.#skipped < SKIPPED) return void this.#skipped++;
    this.#skipped = 0;
    this.#seen = mark.text;
    void this.look(); // never throws
  }

  /** How many wait, or are being tried. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Try these now; returns how many there are. */
  async flush(isMeant: (id: string) => boolean): Promise<number> {
    const { outbox, now } = this.#tools;
    for (const id of (await list(outbox, 'failed')).filter(isMeant))
      await this.#attempts.revive(id);
    await this.look();
    const ids = [...this.#waiting.keys()].filter(isMeant);
    for (const id of ids) this.#waiting.set(id, now());
    this.#start();
    return ids.length;
  }

  /** Whether nothing is under way. */
  isQuiet(): boolean {
    return this.#trying.size === 0 && this.#looking === null;
  }

  /** Try all that is due by now, and wait for that, but not for longer than so many milliseconds. */
  async settle(patience: number): Promise<void> {
    const over = new AbortController();
    const late = pause(patience, true, { signal: over.signal }).catch(() => true);
    let isLate = await Promise.race([this.look().then(() => false), late]);
    while (!isLate && this.#trying.size > 0)
      isLate = await Promise.race(
        [...this.#trying.values()].map((one) => one.then(() => false)).concat(late),
      );
    over.abort();
  }

  /** Begin nothing any more, and wait for what is under way, but not for ever. */
  async close(patience = LAST): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const over = new AbortController();
    const late = pause(patience, undefined, { signal: over.signal }).catch(() => {}); // over in time
    await Promise.race([Promise.all([this.#looking, ...this.#trying.values()]), late]);
    over.abort();
  }

  async #lookAsLongAsAsked(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      try {
        await this.#lookOnce();
      } catch (error) {
        this.#complain(error);
      }
    }
    this.#looking = null;
  }

  async #lookOnce(): Promise<void> {
    const { outbox, users, now, log } = this.#tools;
    this.#isEmpty = false;
    await takeOver(outbox, users, now(), log);
    await this.#attempts.writeHeld();
    const ids = new Set(await list(outbox, 'queue'));
    for (const id of this.#waiting.keys())
      if (!ids.has(id) && !this.#trying.has(id)) this.#waiting.delete(id); // somebody removed it
    for (const id of ids) {
      if (this.#closed) return;
      if (!this.#waiting.has(id) && !this.#attempts.isDone(id)) await this.#meet(id);
    }
    const over = await usersOver(outbox);
    for (const uid of over) await this.#tell(uid);
    this.#isEmpty = ids.size === 0 && over.length === 0;
    this.#start();
  }

  /** See a mail for the first time. */
  async #meet(id: string): Promise<void> {
    const { outbox } = this.#tools;
    const found = await find(outbox, 'queue', id);
    if ('damage' in found) return this.#setAside(id, found.damage);
    const { envelope } = found;
    const known =
      envelope.trying === null ? envelope : await this.#attempts.mayBeTwice(id, envelope);
    this.#waiting.set(id, Date.parse(known.next));
  }

  async #setAside(id: string, damage: string): Promise<void> {
    const { outbox, log } = this.#tools;
    if (!(await move(outbox, id, 'queue', 'damaged'))) return; // it was taken care of meanwhile
    const place = `${placeOf(outbox, 'damaged')}/${id}`;
    log('CRON', 'MAIL', `set aside as ${place}: ${damage}`, ERROR);
  }

  /** Line up what is due, and be called for what comes within the minute. */
  #start(): void {
    if (this.#closed) return;
    const { now: clock, terms } = this.#tools;
    const now = clock();
    const free = [...this.#waiting].filter(([id]) => !this.#lined.has(id) && !this.#trying.has(id));
    const due = free.filter(([, next]) => nextTry(next, now, terms) <= now);
    for (const [id] of due.toSorted(([, a], [, b]) => a - b)) {
      this.#lined.add(id);
      const line = this.#due.get(uidOf(id)) ?? [];
      line.push(id);
      this.#due.set(uidOf(id), line);
    }
    this.#fill();
    for (const [id, next] of free)
      if (!this.#lined.has(id) && !this.#trying.has(id)) this.#arm(next);
  }

  /** Try as many as may be tried at once; users take turns. */
  #fill(): void {
    while (!this.#closed && this.#trying.size < AT_ONCE) {
      const turn = [...this.#due].find(([uid]) => this.#busy(uid) < AT_ONCE_PER_USER);
      if (turn === undefined) return;
      const [uid, line] = turn;
      const id = line.shift();
      this.#due.delete(uid);
      if (line.length > 0) this.#due.set(uid, line); // at the end
      if (id === undefined) continue;
      this.#lined.delete(id);
      this.#trying.set(id, this.#try(id));
    }
  }

  #busy(uid: number): number {
    return [...this.#trying.keys()].filter((id) => uidOf(id) === uid).length;
  }

  async #try(id: string): Promise<void> {
    try {
      const next = await this.#attempts.make(id);
      if (next === null) this.#waiting.delete(id);
      else this.#waiting.set(id, next);
    } catch (error) {
      this.#complain(error);
      const { now, terms } = this.#tools;
      this.#waiting.set(id, now() + terms.firstPause);
    }
    this.#trying.delete(id);
    this.#fill();
    const next = this.#waiting.get(id);
    if (next !== undefined) this.#arm(next);
  }

  #arm(next: number): void {
    const wait = Math.max(0, next - this.#tools.now());
    if (this.#closed || wait > MINUTE || next >= this.#armed) return;
    clearTimeout(this.#timer);
    this.#armed = next;
    this.#timer = setTimeout(() => {
      this.#armed = Infinity;
      this.#start();
    }, wait);
  }

  /** Tell a user of mails that were not kept, when there is room again. */
  async #tell(uid: number): Promise<void> {
    const { outbox, users, now } = this.#tools;
    const at = now();
    if (at - (this.#told.get(uid) ?? -Infinity) < NOTICE) return;
    if (!(await this.#room.hasPlenty(uid))) return;
    await tellOver(outbox, uid, users, at, (mail) =>
      post(outbox, mail, { refused: null, now: at, next: at }),
    );
    this.#told.set(uid, at);
    this.#again = true;
  }

  #complain(error: unknown): void {
    this.#tools.log('CRON', 'ERROR', `the outbox: ${reason(error)}`, ERROR);
  }
}

const ERROR = { level: 'error' } as const;
