/** What went wrong with a relay → a sentence for people, and whether another try is in vain. */
import { fromText } from '../system/bytes.ts';
import { reason } from '../system/failure.ts';
import { nameOf, type Relay } from './relay.ts';

/** Why a recipient was refused. */
export interface Trouble {
  /** A byte string of one line. */
  readonly reason: string;
  readonly permanent: boolean;
}

/** An error of nodemailer, or of Node below it. */
export interface RelayError extends Error {
  readonly code?: string | undefined;
  /** What Node called it before nodemailer did. */
  readonly originalCode?: string | undefined;
  readonly response?: string | undefined;
  readonly responseCode?: number | undefined;
  readonly command?: string | undefined;
  /** Whom it is about, where it is about one. */
  readonly recipient?: string | undefined;
  /** The errors of all recipients, where each has one. */
  readonly rejectedErrors?: readonly RelayError[] | undefined;
}

/** Commands that are about this mail; others are about the relay, which may be mended. */
const COMMANDS = ['MAIL FROM', 'RCPT TO', 'DATA'];

/** Replies that begin with 5 and mean the session, or who speaks: not this mail (RFC 4954, RFC 5321). */
const NOT_THE_MAIL = [503, 530, 534, 535, 538];

/** Node's names of what is wrong with a certificate; its sentences are good ones. */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ALTNAME/;

/** How much of a relay's words is handed on, in chars. */
const LIMIT = 500;

/** What was thrown, as an error of a relay; it may have none of an error's marks. */
export function asRelayError(thrown: unknown): RelayError {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** Tell what an error means for the recipients that it is about. */
export function troubleOf(thrown: unknown, relay: Relay): Trouble {
  const error = asRelayError(thrown);
  return { reason: oneLine(sentence(error, relay)), permanent: isPermanent(error) };
}

/** Whether the connection was lost, and not the mail refused. */
export function isLost(thrown: unknown): boolean {
  const { code, responseCode } = asRelayError(thrown);
  return responseCode === 421 || ['ECONNECTION', 'ESOCKET', 'ETIMEDOUT'].includes(code ?? '');
}

/** Whether the relay refused the mail and goes on listening. */
export function isRefusal(thrown: unknown): boolean {
  const { code, responseCode } = asRelayError(thrown);
  return responseCode !== 421 && (code === 'EENVELOPE' || code === 'EMESSAGE');
}

function isPermanent({ code, command = '', responseCode }: RelayError): boolean {
  if (!COMMANDS.includes(command)) return false;
  // Larger than the relay has said it takes: it was not even asked.
  if (responseCode === undefined) return code === 'EMESSAGE';
  return responseCode >= 500 && !NOT_THE_MAIL.includes(responseCode);
}

function sentence(error: RelayError, relay: Relay): string {
  const { code, originalCode, response, command = '' } = error;
  const name = nameOf(relay);
  if (code === 'EAUTH')
    return `${name} does not take the user and password of [mail.smtp] credentials: ${response ?? error.message}`;
  if (response !== undefined) return `${name} said${after(command)}: ${response}`;
  if (CERTIFICATE.test(originalCode ?? code ?? ''))
    return `the certificate of ${name} is not to be trusted: ${error.message} (see [mail.smtp] tls_ca)`;
  return `cannot send through ${name}: ${words(error)}`;
}

function after(command: string): string {
  return COMMANDS.includes(command) ? ` to ${command}` : '';
}

/** The words of the system where it has some; several addresses of a host fail each in its own way. */
function words(error: RelayError): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reason(error.errors[0]);
  const { originalCode: code } = error;
  return reason(code === undefined ? error : Object.assign(new Error(error.message), { code }));
}

/** Text from elsewhere as a byte string that is fit for a log. */
export function oneLine(text: string): string {
  return fromText(text.replaceAll(/[^!-~\u00a1-\uffff]+/g, ' ').slice(0, LIMIT));
}
