/** Whom a way without a program did not reach → what is found out by that. */
import { toText } from '../../system/bytes.ts';
import type { Outgoing, Refused } from '../../system/outgoing.ts';
import type { Report } from './program.ts';

/** What is known where no program was run. */
export interface PlainReport extends Pick<
  Report,
  'mailcmd' | 'mailer' | 'user' | 'to' | 'means' | 'why'
> {
  readonly refused: readonly Refused[];
}

/** Tell which recipients were refused, and what that means for the mail. */
export function plainReport(
  mailer: string,
  user: string,
  { recipients: to }: Outgoing,
  mailcmd: string,
  refused: readonly Refused[],
): PlainReport {
  const told = refused.map((one) => ({
    recipient: toText(one.recipient),
    reason: toText(one.reason),
    permanent: one.permanent,
  }));
  return {
    mailcmd,
    mailer,
    user,
    to: to.map(toText),
    means: told.length === 0 ? 'taken' : told.some(lasts) ? 'permanent' : 'later',
    why: told.map(({ recipient, reason }) => `${recipient}: ${reason}`).join('; '),
    refused: told,
  };
}

const lasts = ({ permanent }: Refused): boolean => permanent;
