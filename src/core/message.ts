/** A finished job → the head of the mail that Debian's cron would send, and what else there is to tell. */

import { mailboxes, type Mailbox, sender } from './address.ts';
import type { Content } from './content.ts';
import { mailDate } from './date.ts';
import { lookup, type Environment } from './environment.ts';
import { addresses, cut, field, plainField } from './header.ts';

/** What the mail says of its job. */
export interface MessageFacts {
  readonly user: string;
  /** As the Subject shall show it: the first label, or with -n the whole name. */
  readonly host: string;
  readonly command: string;
  /** MAILTO, or the job's user. */
  readonly to: string;
  /** The crontab's environment: shown in X-Cron-Env, and MAILFROM rules the head. */
  readonly environment: Environment;
  /** The charset of the daemon's locale. */
  readonly charset: string;
  /** Mark the Subject. */
  readonly failed: boolean;
  /** The sender where it is not for the environment's MAILFROM to say. */
  readonly from?: string;
  /** Of the body; without it, it is plain text as it is. */
  readonly content?: Pick<Content, 'type' | 'encoding'>;
  /** Patterns of variables whose values are nobody's business, such as `*PASSWORD*`. */
  readonly mask?: readonly string[];
  readonly run?: RunFacts;
}

/** What no mail of vixie's cron tells. */
export interface RunFacts {
  /** When this was written, in milliseconds since the epoch. */
  readonly at: number;
  /** By how many minutes local clocks are ahead of UTC then. */
  readonly offset: number;
  /** Without its angle brackets. */
  readonly messageId: string;
  /** Such as `exit 0`. */
  readonly status: string;
  /** In milliseconds; null: not known, or it never started. */
  readonly duration: number | null;
  /** The minute for which it started; empty where it is for none. */
  readonly scheduled: string;
  /** Who started it, if the clock did not. */
  readonly byHand?: string;
}

const FROM = 'root (Cron Daemon)';
/** All of the header, in bytes: sendmail bounces a message with more than 32,768. */
const HEADER_LIMIT = 30_000;
/** So much of a command is in the Subject: twice what Debian's cron takes for one. */
const COMMAND_LIMIT = 2000;
const NAME_LIMIT = 255;
/** A variable of more bytes is cut. */
const VARIABLE_LIMIT = 970;

/**
 * Compose the header block, up to and with the empty line that ends it.
 *
 * Order and wording are Debian's do_command.c; what is not in it follows after X-Cron-Env. Every
 * line is ASCII and within what each mailer takes; only what is not is other than Debian's.
 */
export function composeHead(facts: MessageFacts): string {
  const { charset, command, failed, run } = facts;
  const { type = `text/plain; charset=${charset}`, encoding = '8bit' } = facts.content ?? {};
  const from = senderOf(facts);
  const who = `${cut(facts.user, NAME_LIMIT)}@${cut(facts.host, NAME_LIMIT)}`;
  const subject = `Cron <${who}> ${cut(command, COMMAND_LIMIT)}${failed ? ' (failed)' : ''}`;
  const before = [
    from === null ? plainField('From', FROM) : addresses('From', [from], charset),
    receivers(facts.to, charset),
    field('Subject', subject, charset),
    plainField('MIME-Version', '1.0'),
    plainField('Content-Type', type),
    plainField('Content-Transfer-Encoding', encoding),
  ].join('');
  const after = run === undefined ? '' : runFields(run);
  const room = HEADER_LIMIT - before.length - after.length;
  return `${before}${variables(facts, room)}${after}\n`;
}

/** The mailbox that MAILFROM names; null: none, or it is not safe. */
export function senderOf({
  from,
  environment,
}: Pick<MessageFacts, 'from' | 'environment'>): Mailbox | null {
  const found = sender(from ?? lookup(environment, 'MAILFROM') ?? '');
  return found.ok ? found.value : null;
}

function receivers(to: string, charset: string): string {
  const list = mailboxes(to);
  return list.ok && list.value.length > 0
    ? addresses('To', list.value, charset)
    : field('To', cut(to, COMMAND_LIMIT), charset);
}

/** The environment, as far as there is room for it. */
function variables({ environment, charset, mask = [] }: MessageFacts, room: number): string {
  const isSecret = matcher(mask);
  const lines = environment.map(([name, value]) => {
    const shown = value !== '' && isSecret(name) ? '***' : value;
    return field('X-Cron-Env', `<${cut(`${name}=${shown}`, VARIABLE_LIMIT)}>`, charset);
  });
  const all = lines.join('');
  if (all.length <= room) return all;
  let kept = '';
  for (const [index, line] of lines.entries()) {
    const last = `X-Cron-Env: (${lines.length - index} more variables are not shown)\n`;
    if (kept.length + line.length + last.length > room) return kept + last;
    kept += line;
  }
  return kept;
}

/** Test names by patterns in which a `*` stands for anything, in upper or lower case. */
function matcher(patterns: readonly string[]): (name: string) => boolean {
  const regexps = patterns.map((pattern) => {
    const parts = pattern.split('*').map((part) => part.replaceAll(/[^\w]/g, '\\$&'));
    return new RegExp(`^${parts.join('[^]*')}$`, 'i');
  });
  return (name) => regexps.some((regexp) => regexp.test(name));
}

function runFields(run: RunFacts): string {
  const { at, offset, messageId, status, duration, scheduled, byHand = '' } = run;
  const fields: readonly (readonly [name: string, value: string])[] = [
    ['Date', mailDate(at, offset)],
    ['Message-ID', `<${messageId}>`],
    ['Auto-Submitted', 'auto-generated'], // RFC 3834: no vacation program answers
    ['X-Cron-Status', status],
    ['X-Cron-Duration', duration === null ? '' : (duration / 1000).toFixed(3)],
    ['X-Cron-Scheduled', scheduled],
    ['X-Cron-By-Hand', byHand.replaceAll(/[^\x21-\x7e]/g, '?')],
  ];
  return fields
    .filter(([, value]) => value !== '')
    .map(([name, value]) => plainField(name, value))
    .join('');
}
