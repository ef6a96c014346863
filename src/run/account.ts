/** A user → whether PAM lets their jobs run now, remembered for a minute. */
import { existsSync } from 'node:fs';
import { checkAccount, openPam, type PamAnswer } from '../system/libc/pam.ts';
import { keepSignal } from '../system/libc/signals.ts';
import { type Patience, remember } from '../system/remember.ts';

/** What came of the check. */
export type Verdict =
  | { readonly isAllowed: true }
  | {
      readonly isAllowed: false;
      readonly why: string;
      /** It says nothing of the account: PAM itself does not work, or does not answer. */
      readonly isTrouble: boolean;
    };

/** Say whether a user's jobs may run. Never throws. */
export type Account = (user: string) => Promise<Verdict>;

/** Where there is no PAM, and where the daemon is an ordinary user's. */
export const everyone: Account = () => Promise.resolve({ isAllowed: true });

/** The service, and where it is set up: without that file, PAM is not asked. */
const SERVICE = 'cron';
const SETUP = '/etc/pam.d/cron';

/** How long a module may take, and how long its answer holds, in milliseconds. */
const PATIENCE: Patience = { timeout: 30_000, keep: 60_000 };

/** Answers of PAM about the account; all others that are no success are about PAM. */
const REFUSALS: ReadonlySet<number> = new Set([
  6, // PAM_PERM_DENIED: access.conf(5), nologin(5)...
  7, // PAM_AUTH_ERR
  10, // PAM_USER_UNKNOWN
  12, // PAM_NEW_AUTHTOK_REQD: the password has expired
  13, // PAM_ACCT_EXPIRED
]);

/**
 * The account check of Debian's cron. Modules that hang hold up their own users alone, as long as there are
 * threads left (UV_THREADPOOL_SIZE); whom PAM has told of before goes on with what it told.
 */
export function pamAccount(
  patience: Patience = PATIENCE,
  check: ((user: string) => Promise<PamAnswer>) | null = systemCheck(),
): Account {
  if (check === null) return everyone;
  const ask = remember(check, patience, 'PAM');
  return async (user) => {
    try {
      const { status, text } = (await ask(user)) ?? { status: 0, text: '' };
      if (status === 0) return { isAllowed: true };
      return { isAllowed: false, why: text, isTrouble: !REFUSALS.has(status) };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { isAllowed: false, why, isTrouble: true };
    }
  };
}

/** Null where PAM's library is missing. */
function systemCheck(): ((user: string) => Promise<PamAnswer>) | null {
  const pam = openPam();
  if (pam === null) return null;
  const restoreSignal = keepSignal('SIGCHLD');
  return async (user) => {
    if (!existsSync(SETUP)) return { status: 0, text: '' };
    try {
      return await checkAccount(pam, SERVICE, user);
    } finally {
      // A module that starts a helper (pam_unix of Debian 13, and with SELinux) keeps SIGCHLD from us meanwhile. Two at
      // the same time take each other's way for the one to go back to: no end of a job would be seen any more.
      restoreSignal();
    }
  };
}
