/** A relay → a session with it, by SMTP or LMTP, over which mails are sent one after another. */
import { once } from 'node:events';
import { connect as connectSocket, isIP, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { Credentials } from './credentials.ts';
import type { RelayError } from './trouble.ts';
import type { Relay } from './relay.ts';

/** What opens a relay. */
export interface Keys {
  readonly credentials: Credentials | null;
  readonly tls: ConnectionOptions;
}

/** A mail's envelope as a relay gets it: addresses are text, with domains. */
export interface Envelope {
  readonly id: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  /** Bytes of the message, at least. */
  readonly size: number;
  readonly eightBit: boolean;
}

/** One connection, greeted and logged in. */
export interface Session {
  /** Extensions that the relay offers, in capitals. */
  readonly offers: ReadonlySet<string>;
  isOpen(): boolean;
  /**
   * Send a mail; the signal ends the session with it.
   * @returns the error of each recipient that was refused
   * @throws {RelayError} when all were, or the mail was, or the connection is lost
   */
  send(
    envelope: Envelope,
    message: Readable,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, RelayError>>;
  /** Begin anew after a mail that was refused; false: there is no use in it. */
  reset(signal: AbortSignal): Promise<boolean>;
  /** Take leave; resolves when the relay has hung up, or will not. Never throws. */
  quit(): Promise<void>;
  /** Hang up. */
  close(): void;
}

/** Connecting, name server and encryption included, takes no longer, in milliseconds. */
const SETUP_LIMIT = 120_000;
/** How long a relay's farewell is waited for. */
const QUIT_LIMIT = 2000;

/**
 * Open a session.
 *
 * nodemailer's connection is used without its pool and transport: these never say BODY=8BITMIME
 * nor SIZE, and would send the rest of a message that they had begun to read before. The socket is
 * opened here, for nodemailer asks name servers before /etc/hosts.
 * @throws {RelayError}
 */
export async function openSession(relay: Relay, keys: Keys, signal: AbortSignal): Promise<Session> {
  const setup = Math.min(relay.timeout, SETUP_LIMIT);
  const connection = await openSocket(relay, AbortSignal.any([signal, AbortSignal.timeout(setup)]));
  const smtp = new SMTPConnection({
    connection,
    host: relay.host,
    name: relay.greeting,
    lmtp: relay.protocol === 'lmtp',
    secure: relay.security === 'tls',
    requireTLS: relay.security === 'starttls',
    opportunisticTLS: relay.security === 'opportunistic',
    ignoreTLS: relay.security === 'off',
    tls: keys.tls,
    connectionTimeout: setup,
    greetingTimeout: setup,
    socketTimeout: relay.timeout,
    ...(isIP(relay.host) === 0 && { servername: relay.host }),
  });
  smtp.on('error', () => {}); // each step below hears of it too; between them nobody needs to
  try {
    await step<void>(smtp, signal, (done) => smtp.connect(done));
    const offers = extensions(smtp.lastServerResponse || '');
    if (keys.credentials !== null) await logIn(smtp, keys.credentials, signal);
    return session(smtp, offers, relay);
  } catch (error) {
    smtp.close();
    throw error;
  }
}

async function openSocket({ host, port }: Relay, signal: AbortSignal): Promise<Socket> {
  const socket = connectSocket(host.startsWith('/') ? { path: host } : { host, port });
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    socket.on('error', () => {}); // one that was on its way
    throw signal.aborted ? late('it could not be reached in time') : error;
  }
}

async function logIn(
  smtp: SMTPConnection,
  { user, password }: Credentials,
  signal: AbortSignal,
): Promise<void> {
  if (!smtp.allowsAuth) throw Object.assign(new Error('it asks for no login'), { code: 'EAUTH' });
  await step(smtp, signal, (done) => smtp.login({ user, pass: password }, done));
}

function session(smtp: SMTPConnection, offers: ReadonlySet<string>, { dsn }: Relay): Session {
  return {
    offers,
    isOpen: () => !smtp.destroyed,
    async send({ id, sender, recipients, size, eightBit }, message, signal) {
      const envelope = {
        from: sender,
        to: [...recipients],
        size,
        use8BitMime: eightBit,
        ...(dsn.length > 0 && { dsn: { ret: 'HDRS', envid: id, notify: [...dsn] } }),
      };
      const info = await step<SMTPConnection.SentMessageInfo>(smtp, signal, (done) =>
        smtp.send(envelope, message, done),
      );
      const errors: readonly RelayError[] = info?.rejectedErrors ?? [];
      return new Map(errors.map((error) => [error.recipient ?? '', error]));
    },
    async reset(signal) {
      const reset = step<boolean>(smtp, signal, (done) => smtp.reset(done));
      return reset.then(
        () => true,
        () => false,
      );
    },
    async quit() {
      const left = once(smtp, 'end', { signal: AbortSignal.timeout(QUIT_LIMIT) });
      smtp.quit();
      await left.catch(() => smtp.close());
    },
    close: () => smtp.close(),
  };
}

/** Do one thing, which ends when nodemailer calls back, with the connection, or with the signal. */
function step<T>(
  smtp: SMTPConnection,
  signal: AbortSignal,
  begin: (done: (error?: Error | null, result?: T) => void) => void,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      smtp.off('error', fail);
      smtp.off('end', ended);
      signal.removeEventListener('abort', abort);
    };
    const fail = (error: Error): void => {
      leave();
      reject(error);
    };
    // The error that a last reply means comes right after `end`, and tells more.
    const ended = (): unknown => setImmediate(fail, late('it hung up', 'ECONNECTION'));
    const abort = (): void => {
      fail(late('it was silent for too long'));
      smtp.close();
    };
    smtp.on('error', fail);
    smtp.on('end', ended);
    signal.addEventListener('abort', abort);
    if (signal.aborted) return abort();
    begin((error, result) => {
      if (error) return fail(error);
      leave();
      resolve(result);
    });
  });
}

function late(message: string, code = 'ETIMEDOUT'): RelayError {
  return Object.assign(new Error(message), { code });
}

/** The keywords of an answer to EHLO (RFC 5321, 4.1.1.1). */
function extensions(answer: string): ReadonlySet<string> {
  const lines = answer.split('\n').slice(1);
  return new Set(
    lines.map(
      (line) =>
        line
          .replace(/^250[ -]/, '')
          .split(/[\s=]/)[0]
          ?.toUpperCase() ?? '',
    ),
  );
}
