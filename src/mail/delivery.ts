/** A mail and a relay → who was refused: addresses get domains, sessions are used again. */
import { Readable } from 'node:stream';
import { domainToASCII } from 'node:url';
import { qualify, qualifyHead } from '../core/qualify.ts';
import { toBytes, toText } from '../system/bytes.ts';
import type { Outgoing, Refused } from '../system/outgoing.ts';
import { asRelayError, isLost, isRefusal, troubleOf, type RelayError } from './trouble.ts';
import type { Relay } from './relay.ts';
import { type Envelope, type Keys, openSession, type Session } from './smtp.ts';
import { Watch } from './watch.ts';

/** What of a mail a relay gets to know. */
export type Letter = Omit<Outgoing, 'user'>;

/** Exim lays what comes after ten mails of a session aside until its next queue run, half an hour later. */
const MAILS_A_SESSION = 10;

/** How long a reset is waited for, in milliseconds; a new session takes no longer. */
const RESET_LIMIT = 10_000;

/** A session that waits for its next mail. */
interface Idle {
  readonly session: Session;
  readonly mails: number;
}

/** Delivery to one relay. */
export class Delivery {
  readonly #relay: Relay;
  readonly #keys: Keys;
  readonly #idle: Idle[] = [];

  constructor(relay: Relay, keys: Keys) {
    this.#relay = relay;
    this.#keys = keys;
  }

  /** Bring a mail to the relay; the recipients that were refused. Never throws. */
  async deliver(letter: Letter): Promise<readonly Refused[]> {
    // Two names may be one address, which a relay is told once.
    const addressed = letter.recipients.map((recipient) => ({
      recipient,
      address: this.#address(recipient),
    }));
    let errors: ReadonlyMap<string, unknown>;
    try {
      const envelope = this.#envelope(letter, [
        ...new Set(addressed.map(({ address }) => address)),
      ]);
      errors = await this.#send(envelope, letter);
    } catch (error) {
      const each = asRelayError(error).rejectedErrors ?? [];
      errors = new Map(
        addressed.map(({ address }) => [
          address,
          each.find(({ recipient }) => recipient === address) ?? error,
        ]),
      );
    }
    return addressed.flatMap(({ recipient, address }) => {
      const error = errors.get(address);
      return error === undefined ? [] : [{ recipient, ...troubleOf(error, this.#relay) }];
    });
  }

  /** Take leave of the relay. */
  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map(({ session }) => session.quit()));
  }

  #envelope(letter: Letter, recipients: readonly string[]): Envelope {
    const { from } = this.#relay;
    return {
      id: letter.run,
      sender: letter.sender === '' ? '' : this.#address(from ?? letter.sender),
      recipients,
      size: letter.head.length + letter.size,
      eightBit:
        /^content-transfer-encoding:[ \t]*(8bit|binary)/im.test(letter.head) ||
        !isPlain(letter.head),
    };
  }

  /** As a relay is told it: text, with a domain, and that in ASCII (RFC 5891). */
  #address(written: string): string {
    const address = toText(qualify(written, this.#relay.domain));
    const at = address.lastIndexOf('@') + 1;
    const domain = domainToASCII(address.slice(at));
    return domain === '' || isPlain(address.slice(at)) ? address : address.slice(0, at) + domain;
  }

  async #send(envelope: Envelope, letter: Letter): Promise<ReadonlyMap<string, RelayError>> {
    const watch = new Watch(2 * this.#relay.timeout);
    let begun = false;
    const message = (): Readable => {
      const pieces = this.#pieces(letter, () => {
        begun = true;
        watch.refresh();
      });
      return Readable.from(pieces, { objectMode: false });
    };
    try {
      const used = this.#takeIdle();
      try {
        if (used !== undefined) return await this.#over(used, envelope, message(), watch.signal);
      } catch (error) {
        // The relay has hung up in the meantime; not a byte of the mail was sent.
        if (begun || !isLost(error)) throw error;
        watch.refresh();
      }
      const session = await openSession(this.#relay, this.#keys, watch.signal);
      return await this.#over({ session, mails: 0 }, envelope, message(), watch.signal);
    } finally {
      watch.stop();
    }
  }

  async #over(
    { session, mails }: Idle,
    envelope: Envelope,
    message: Readable,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, RelayError>> {
    let again = false;
    try {
      const { unspeakable, spoken } = speakable(envelope, session);
      const errors = await session.send(spoken, message, signal);
      again = true;
      return new Map([...unspeakable, ...errors]);
    } catch (error) {
      if (isRefusal(error) && session.isOpen())
        again = await session.reset(AbortSignal.timeout(RESET_LIMIT));
      throw error;
    } finally {
      message.destroy();
      if (again && mails + 1 < MAILS_A_SESSION) this.#idle.push({ session, mails: mails + 1 });
      else if (again) void session.quit(); // never throws
      else session.close();
    }
  }

  #takeIdle(): Idle | undefined {
    for (;;) {
      const idle = this.#idle.pop();
      if (idle === undefined || idle.session.isOpen()) return idle;
    }
  }

  async *#pieces(letter: Letter, tell: () => void): AsyncGenerator<Uint8Array> {
    const { domain, from } = this.#relay;
    tell();
    yield toBytes(qualifyHead(letter.head, domain, from));
    for await (const piece of letter.chunks()) {
      tell();
      if (piece.length > 0) yield piece;
    }
    tell();
  }
}

/** Keep addresses from a relay that it could not read: they would arrive as others, or break the session. */
function speakable(
  envelope: Envelope,
  { offers }: Session,
): { readonly spoken: Envelope; readonly unspeakable: ReadonlyMap<string, RelayError> } {
  const unspeakable = new Map<string, RelayError>();
  for (const address of [envelope.sender, ...envelope.recipients]) {
    const trouble =
      /[^!-~\u00a1-\uffff]|[<>]/.test(address) || address.startsWith('@')
        ? `"${address}" is no address`
        : isPlain(address) || offers.has('SMTPUTF8')
          ? null
          : `it takes no addresses beyond ASCII, such as "${address}" (SMTPUTF8)`;
    if (trouble === null) continue;
    const error: RelayError = Object.assign(new Error(trouble), {
      code: 'EENVELOPE',
      command: 'RCPT TO',
      responseCode: 553,
      recipient: address,
    });
    unspeakable.set(address, error);
  }
  const recipients = envelope.recipients.filter((address) => !unspeakable.has(address));
  const sender = unspeakable.get(envelope.sender);
  if (sender !== undefined) throw sender;
  if (recipients.length === 0) {
    const all = { code: 'EENVELOPE', rejectedErrors: [...unspeakable.values()] };
    throw Object.assign(new Error('no recipient is left'), all);
  }
  return { spoken: { ...envelope, recipients }, unspeakable };
}

function isPlain(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text);
}
