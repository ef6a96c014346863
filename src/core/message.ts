/** A finished job → the head of the mail that Debian's cron would send. */

import { isSafe } from './address.ts';
import { lookup, type Environment } from './environment.ts';

/** What the mail says of its job. */
export interface MessageFacts {
  readonly user: string;
  /** As the Subject shall show it: the first label, or with -n the whole name. */
  readonly host: string;
  readonly command: string;
  readonly to: string;
  /** The crontab's environment: shown in X-Cron-Env, and MAILFROM and CONTENT_* rule the head. */
  readonly environment: Environment;
  /** The charset of the daemon's locale. */
  readonly charset: string;
  /** Mark the Subject. */
  readonly failed: boolean;
  /** The sender where it is not for the environment's MAILFROM to say. */
  readonly from?: string;
}

const FROM = 'root (Cron Daemon)';

/**
 * Compose the header block, up to and with the empty line that ends it.
 *
 * The order and the wording are Debian's do_command.c; nothing is folded or encoded, as there.
 */
export function composeHead(facts: MessageFacts): string {
  const { environment, user, host, command, failed } = facts;
  const from = facts.from ?? lookup(environment, 'MAILFROM') ?? '';
  const type = lookup(environment, 'CONTENT_TYPE') ?? `text/plain; charset=${facts.charset}`;
  const encoding = lookup(environment, 'CONTENT_TRANSFER_ENCODING') ?? '8bit';
  return [
    header('From', isSafe(from) ? from : FROM),
    header('To', facts.to),
    header('Subject', `Cron <${user}@${host}> ${command}${failed ? ' (failed)' : ''}`),
    header('MIME-Version', '1.0'),
    header('Content-Type', type),
    header('Content-Transfer-Encoding', encoding),
    ...environment.map(([name, value]) => header('X-Cron-Env', `<${name}=${value}>`)),
    '\n',
  ].join('');
}

/** Write a header field; control characters become blanks, so that no value can begin another. */
function header(name: string, value: string): string {
  return `${name}: ${value.replaceAll(/[^\t -~\u0080-\u00ff]/g, ' ')}\n`;
}
