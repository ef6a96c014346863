/** Mails → a relay, by way of a process that has no rights but those to the network. */
import type { Hand, Outgoing, Refused } from '../system/outgoing.ts';
import { fromText } from '../system/bytes.ts';
import { reason } from '../system/failure.ts';
import type { Launcher } from '../system/program.ts';
import type { Users } from '../system/users.ts';
import { Carrier } from './carrier.ts';
import { checkOwn } from './own.ts';
import { nameOf, type Relay } from './relay.ts';

/** What a postman needs. */
export interface PostmanSettings {
  readonly relay: Relay;
  /** Whose process it is: not root. */
  readonly user: string;
  /** The program, and what stands before it. */
  readonly argv: readonly [string, ...string[]];
  /** How long a process without mail is kept, in milliseconds. */
  readonly idle?: number;
}

/** Sessions stay open so long for the next mail. */
const IDLE = 10_000;
/** How long mails that are on their way are waited for at the end, in milliseconds. */
const FAREWELL = 10_000;

/**
 * The scheduler's end of the built-in delivery. Its process is started for the first mail, and ends
 * when there has been none for a while. It gets opened mails, piece by piece, and sees no file of
 * ours; one that dies, hangs or talks nonsense costs its mails another try, and no more.
 */
export class Postman {
  readonly #settings: PostmanSettings;
  readonly #users: Users;
  readonly #launcher: Launcher;
  #carrier: Promise<Carrier> | null = null;
  #free: number;
  readonly #queue: (() => void)[] = [];
  #idle: NodeJS.Timeout | undefined;
  #closed = false;
  #settled: () => void = () => {};

  constructor(settings: PostmanSettings, users: Users, launcher: Launcher) {
    this.#settings = settings;
    this.#users = users;
    this.#launcher = launcher;
    this.#free = settings.relay.pool;
  }

  /** Where mail goes, for people. */
  get relay(): { readonly name: string } & Pick<Relay, 'protocol' | 'security'> {
    const { relay } = this.#settings;
    const { protocol, security } = relay;
    return { name: nameOf(relay), protocol, security };
  }

  /** Bring a mail to the relay. Never throws. */
  readonly hand: Hand = async (mail) => {
    // As many mails at a time as there may be sessions: none waits where only a stopwatch sees it.
    if (this.#free === 0) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#free -= 1;
    clearTimeout(this.#idle);
    try {
      if (this.#closed) return refuse(mail, 'cron is stopping');
      const carrier = await this.#living();
      return await carrier.carry(mail);
    } catch (error) {
      return refuse(mail, fromText(reason(error)));
    } finally {
      this.#leave();
    }
  };

  /** Give what is on its way a little time, and end. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    if (this.#free < this.#settings.relay.pool) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#settled = resolve;
        timer = setTimeout(resolve, FAREWELL);
      });
      clearTimeout(timer);
    }
    await this.#end();
  }

  #leave(): void {
    const next = this.#queue.shift();
    if (next !== undefined) return next();
    this.#free += 1;
    if (this.#free < this.#settings.relay.pool) return;
    this.#settled();
    if (this.#closed) return;
    this.#idle = setTimeout(() => void this.#end(), this.#settings.idle ?? IDLE); // never throws
    this.#idle.unref();
  }

  async #end(): Promise<void> {
    const opened = this.#carrier;
    this.#carrier = null; // the next mail gets another one
    const carrier = await opened?.catch(() => null);
    carrier?.end();
    await carrier?.gone;
  }

  /** The process that there is, or a new one in place of a dead one. */
  async #living(): Promise<Carrier> {
    const opened = this.#carrier ?? this.#open();
    const carrier = await opened;
    if (!carrier.isOver) return carrier;
    if (this.#carrier === opened) this.#carrier = null;
    return await (this.#carrier ?? this.#open());
  }

  #open(): Promise<Carrier> {
    const opened = this.#start();
    this.#carrier = opened;
    const forget = (): void => {
      if (this.#carrier === opened) this.#carrier = null;
    };
    void opened.then(({ gone }) => gone).then(forget, forget);
    return opened;
  }

  async #start(): Promise<Carrier> {
    const { user: name, argv, relay } = this.#settings;
    const user = await this.#users.find(name);
    if (user === null)
      throw new Error(
        `there is no user "${name}", as whom the built-in delivery runs: create it (adduser --system --group --no-create-home ${name}), or name another one by [mail.smtp] run_as`,
      );
    if (user.uid === 0)
      throw new Error(
        `the built-in delivery does not run as root: name another user by [mail.smtp] run_as`,
      );
    checkOwn(argv);
    return await Carrier.start(this.#launcher, { user, argv }, relay);
  }
}

function refuse(mail: Outgoing, trouble: string): readonly Refused[] {
  return mail.recipients.map((recipient) => ({ recipient, reason: trouble, permanent: false }));
}
