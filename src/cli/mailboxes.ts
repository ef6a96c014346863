/** What the configuration says of mailboxes → the hand that puts mail into them, by a program of ours. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Deposit,
  depositIn,
  type DepositSettings,
  type DepositTools,
} from '../mail/deposit.ts';
import type { Config } from '../system/config.ts';
import { NO_DEBUGGER } from '../system/debugger.ts';
import { getgrnam } from '../system/libc/names.ts';

/** The program that writes to a mailbox as its user. */
export const DEPOSIT = [
  process.execPath,
  NO_DEBUGGER, // its user may send it signals, and must not get what it may
  fileURLToPath(new URL('./deposit.js', import.meta.url)),
] as const;

/** What the hand is told of the configuration. */
export type MailboxSettings = Omit<DepositSettings, 'program' | 'self'>;

/** Read them from the configuration. */
export function mailboxSettings({ paths, mail }: Config): MailboxSettings {
  return {
    mailbox: paths.mailbox,
    format: mail.mailbox.format,
    spool: join(paths.state, 'outbox'),
    timeout: mail.timeout * 1000,
  };
}

/** Make the hand. */
export function mailboxes(
  settings: MailboxSettings,
  tools: Omit<DepositTools, 'mailGroup'>,
): Deposit {
  return depositIn(
    { ...settings, program: DEPOSIT, self: process.geteuid?.() ?? -1 },
    { ...tools, mailGroup: () => getgrnam('mail') },
  );
}
