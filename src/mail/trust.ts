/** A relay's settings → the certificates that are trusted on the way to it. */
import { readFileSync } from 'node:fs';
import { type ConnectionOptions, createSecureContext } from 'node:tls';
import { reason } from '../system/failure.ts';
import type { Relay } from './relay.ts';

/** Where systems keep the CAs that their programs trust: Debian and Alpine, Fedora, openSUSE. */
const SYSTEM = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
];

/**
 * Decide what a relay must show. The system's CAs are trusted and not Node's own list: a company's
 * CA that the machine's other programs know is known here too.
 *
 * `opportunistic` checks nothing, as Postfix's `may` (RFC 7435): who would go on without any
 * encryption gains nothing by breaking off, and most machines' own mail systems show a
 * certificate that they signed themselves.
 * @throws when the file of CAs cannot be used
 */
export function trust(relay: Relay): ConnectionOptions {
  if (relay.security === 'off') return {};
  if (relay.security === 'opportunistic' || relay.acceptAny) return { rejectUnauthorized: false };
  const ca = relay.ca === undefined ? systemCertificates() : certificates(relay.ca);
  // One context for all connections: it takes a while to read a system's hundred CAs.
  return ca === null ? {} : { secureContext: createSecureContext({ ca }) };
}

function certificates(file: string): Buffer {
  try {
    const ca = readFileSync(file);
    if (!ca.includes('-----BEGIN CERTIFICATE-----')) throw new Error('it holds no certificate');
    return ca;
  } catch (error) {
    throw new Error(`Cannot use [mail.smtp] tls_ca "${file}": ${reason(error)}`, { cause: error });
  }
}

function systemCertificates(): Buffer | null {
  for (const file of SYSTEM) {
    try {
      return readFileSync(file);
    } catch {
      // Another system's place.
    }
  }
  return null;
}
