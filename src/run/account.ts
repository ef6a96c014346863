/** A user → whether PAM lets their jobs run now, remembered for a minute. */
import { existsSync } from 'node:fs';
import { errorCode, reason } from '../system/failure.ts';
import type { PamAnswer } from '../system/libc/pam.ts';
import { type Patience, remember } from '../system/remember.ts';
import type { Log } from '../system/sink.ts';
import type { Check } from './checks.ts';

/** What came of the check. */
export type Verdict =
  | { readonly isAllowed: true }
  | {
      readonly isAllowed: false;
      readonly why: string;
      /** It says nothing of the account: PAM itself does not work, or does not answer. */
      readonly isTrouble: boolean;
      /** Errno's name, where PAM could not even be asked. */
      readonly code?: string;
    };

/** Say whether a user's jobs may run. Never throws. */
export type Account = (user: string) => Promise<Verdict>;

/** Where there is no PAM, and where the daemon is an ordinary user's. */
export const everyone: Account = () => Promise.resolve({ isAllowed: true });

/** Where cron's service is set up: without that file, PAM is not asked. */
const SETUP = '/etc/pam.d/cron';
const NOT_ASKED: PamAnswer = { status: 0, text: '' };

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
 * The account check of Debian's cron. Modules that hang or crash hold up their own users alone; whom PAM has told of
 * before goes on with what it told, which is logged until it answers again.
 */
export function pamAccount(
  check: Check,
  log: Log,
  patience: Patience = PATIENCE,
  isSetUp: () => boolean = () => existsSync(SETUP),
): Account {
  const told = new Set<string>();
  const answer = async (user: string): Promise<PamAnswer> => {
    const answered = isSetUp() ? await check(user) : NOT_ASKED;
    told.delete(user);
    return answered;
  };
  const ask = remember(answer, patience, {
    who: 'it',
    inTurn: (look) => look(), // of the threads here it takes none
    onOld(user, why) {
      if (told.has(user)) return;
      told.add(user);
      const said = `PAM: ${why}; what it answered last holds`;
      log(user, 'ERROR', said, { level: 'error', tag: 'CRON' });
    },
  });
  return async (user) => {
    try {
      const { status, text } = (await ask(user)) ?? NOT_ASKED;
      if (status === 0) return { isAllowed: true };
      return { isAllowed: false, why: text, isTrouble: !REFUSALS.has(status) };
    } catch (error) {
      const code = errorCode(error);
      const trouble = { isAllowed: false, why: reason(error), isTrouble: true } as const;
      return code === undefined ? trouble : { ...trouble, code };
    }
  };
}
