/** MAILCMD and [mail.smtp] → the relay that the built-in delivery brings mail to, checked. */
import { isIP } from 'node:net';
import { qualify } from '../core/qualify.ts';
import { fromText } from '../system/bytes.ts';
import type { Config } from '../system/config.ts';
import { EXIT, Failure } from '../system/failure.ts';

/** [mail.smtp] of the configuration. */
export type SmtpSettings = Config['mail']['smtp'];

/** A relay, and how it is spoken to: plain data, which a postman is told at its start. */
export interface Relay {
  readonly protocol: 'smtp' | 'lmtp';
  /** A name or an address; with LMTP it may be the path of a socket. */
  readonly host: string;
  readonly port: number;
  readonly security: 'tls' | 'starttls' | 'opportunistic' | 'off';
  /** A file of user and password. */
  readonly credentials?: string;
  /** A file of certificates of CAs. */
  readonly ca?: string;
  /** Whatever certificate it shows is good enough. */
  readonly acceptAny: boolean;
  /** What is put to addresses without a domain; a byte string, as the next one. */
  readonly domain: string;
  /** The sender of all mails. */
  readonly from?: string;
  /** How this machine introduces itself; without it by its address. */
  readonly greeting?: string;
  /** How long it may be silent, in milliseconds. */
  readonly timeout: number;
  /** Connections at the same time. */
  readonly pool: number;
  readonly dsn: readonly ('never' | 'success' | 'failure' | 'delay')[];
}

/** What this machine is called (see domain.ts). */
export interface Names {
  /** What Debian's /etc/mailname is for. */
  readonly mail: string;
  /** Its name with a domain, where it has one. */
  readonly host?: string;
}

/** Schemes of a MAILCMD that means the built-in delivery. */
const SCHEMES = ['smtp:', 'smtps:', 'lmtp:'];

/** As IANA, RFC 8314 and RFC 6409 have them; LMTP has none, and this one is what people take. */
const PORTS = { tls: 465, submission: 587, smtp: 25, lmtp: 24 };

/** Test whether a MAILCMD is `smtp:` or a URL of a relay. */
export function isRelay(mailcmd: string): boolean {
  return SCHEMES.some((scheme) => mailcmd.startsWith(scheme));
}

/**
 * Read which relay MAILCMD and [mail.smtp] mean; a URL is stronger than the settings.
 * @throws {Failure} with EXIT.CONFIG
 */
export function readRelay(mailcmd: string, settings: SmtpSettings, names: Names): Relay {
  const url = readUrl(mailcmd);
  const protocol = url.protocol ?? settings.protocol;
  const host = url.host ?? settings.host;
  if (host === undefined)
    throw wrong(`MAILCMD "${mailcmd}" names no host, and [mail.smtp] host does not either`);
  if (host.startsWith('/') && protocol !== 'lmtp')
    throw wrong(`[mail.smtp] host = "${host}" is a socket, which needs protocol = "lmtp"`);
  const { credentials, tls_ca: ca, from, tls_accept_any: acceptAny } = settings;
  const demanding = credentials !== undefined || ca !== undefined;
  const quiet = host.startsWith('/') ? 'off' : demanding ? 'starttls' : 'opportunistic';
  const security = url.security ?? settings.security ?? quiet;
  if (credentials !== undefined) checkSecrecy(security, host);
  if (ca !== undefined && (security === 'opportunistic' || security === 'off' || acceptAny))
    throw wrong(
      `[mail.smtp] tls_ca needs certificates that are checked: ${acceptAny ? 'no tls_accept_any' : `security = "starttls" or "tls", and not "${security}"`}`,
    );
  const usual =
    protocol === 'lmtp'
      ? PORTS.lmtp
      : security === 'tls'
        ? PORTS.tls
        : credentials === undefined
          ? PORTS.smtp
          : PORTS.submission;
  const domain = fromText(settings.domain ?? names.mail);
  return {
    protocol,
    host,
    port: url.port ?? settings.port ?? usual,
    security,
    ...(credentials !== undefined && { credentials }),
    ...(ca !== undefined && { ca }),
    acceptAny,
    domain,
    ...(from !== undefined && { from: qualify(fromText(from), domain) }),
    ...(names.host !== undefined && { greeting: names.host }),
    timeout: settings.timeout * 1000,
    pool: settings.pool,
    dsn: settings.dsn,
  };
}

/** A relay's name in messages: `mail.example.com:587`. */
export function nameOf({ host, port }: Relay): string {
  if (host.startsWith('/')) return host;
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

interface Told {
  readonly protocol?: 'smtp' | 'lmtp';
  readonly host?: string;
  readonly port?: number;
  readonly security?: 'tls';
}

/** What a URL says; `smtp:` and a program say nothing. */
function readUrl(mailcmd: string): Told {
  if (!isRelay(mailcmd) || mailcmd === 'smtp:') return {};
  const form =
    'it is "smtp:", smtp://HOST:PORT, smtps://HOST:PORT, lmtp://HOST:PORT or lmtp:///SOCKET';
  const authority = /^[a-z]+:\/\/(?<authority>[^/?#]*)(?<rest>.*)$/.exec(mailcmd)?.groups;
  // What is refused for its password does not show it once more.
  if (mailcmd.includes('@'))
    throw wrong(
      'MAILCMD has a user or a password in its URL, where everybody can read it: put both into a file ' +
        'of mode 0600 (lines "user = NAME" and "password = SECRET"), and name it by [mail.smtp] credentials',
    );
  if (authority === undefined || !URL.canParse(mailcmd))
    throw wrong(`MAILCMD "${mailcmd}" is no URL of a relay: ${form}`);
  const { protocol: scheme, hostname, port, pathname, search, hash } = new URL(mailcmd);
  const protocol = scheme === 'lmtp:' ? 'lmtp' : 'smtp';
  const path = decodeURIComponent(pathname);
  const isSocket = protocol === 'lmtp' && hostname === '' && port === '' && path.length > 1;
  if (search !== '' || hash !== '' || (!isSocket && (hostname === '' || path.length > 1)))
    throw wrong(`MAILCMD "${mailcmd}" is no URL of a relay: ${form}`);
  if (isSocket) return { protocol, host: path };
  return {
    protocol,
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    ...(port !== '' && { port: Number(port) }),
    ...(scheme === 'smtps:' && { security: 'tls' as const }),
  };
}

/** A password goes over a connection that is encrypted to the right one, or stays on the machine. */
function checkSecrecy(security: Relay['security'], host: string): void {
  if (security === 'tls' || security === 'starttls') return;
  const isNear = host.startsWith('/') || host === 'localhost' || /^(127\.[\d.]+|::1)$/.test(host);
  if (security === 'off' && isNear) return;
  throw wrong(
    `[mail.smtp] security = "${security}" would send the password of credentials where others can read it: "starttls" and "tls" do not`,
  );
}

function wrong(problem: string): Failure {
  return new Failure(problem, { exit: EXIT.CONFIG });
}
