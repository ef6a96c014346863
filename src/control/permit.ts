/** A request, its caller and whose crontab or jobs it is about → allowed, or why not. All of that is decided here. */
import { type Refusal, refusal } from './protocol.ts';

/**
 * What there is to ask for, and by which rule:
 * - `crontab`: of one's own, if cron.allow and cron.deny let one have a crontab;
 * - `own`: of one's own;
 * - `administration`: by root, or by the daemon's own user.
 *
 * Root, and the daemon's own user, may ask for anybody's; the lists rule for the crontab's user, not for them.
 */
const RULES = {
  list: 'crontab',
  install: 'crontab',
  remove: 'crontab',
  backups: 'crontab',
  backup: 'crontab',
  status: 'own',
  metrics: 'own',
  history: 'own',
  log: 'own',
  run: 'crontab',
  follow: 'own',
  kill: 'own',
  mailq: 'own',
  flush: 'own',
  submit: 'own',
  reload: 'administration',
} as const satisfies Record<string, 'crontab' | 'own' | 'administration'>;

export type RequestName = keyof typeof RULES;

/** Know a request of this version. */
export function isRequest(name: string): name is RequestName {
  return Object.hasOwn(RULES, name);
}

/** Who calls: what the kernel says, and the name that the user database has for it. */
export interface Caller {
  readonly pid: number;
  readonly uid: number;
  readonly name: string;
}

/** Whose daemon it is, and whom it is for. */
export interface Realm {
  /** The daemon's own. */
  readonly uid: number;
  /** The only user whose crontab counts; null: root's daemon runs all. */
  readonly onlyUser: string | null;
  /** What cron.allow and cron.deny say; `trouble` is why a list could not be read, which refuses. */
  readonly access: (user: string) => { readonly allowed: boolean; readonly trouble?: string };
}

/** Decide; null: it may be done. */
export function permit(
  request: RequestName,
  caller: Caller,
  user: string,
  { uid, onlyUser, access }: Realm,
): Refusal | null {
  const rule = RULES[request];
  const isAdministrator = isPrivileged(caller, uid);
  if (!isAdministrator && rule === 'administration')
    return refusal('denied', `Only root may ask for "${request}"`);
  // By name alone: a stranger's name is never looked up for a user, and so nothing learnt of it.
  if (!isAdministrator && user !== caller.name)
    return refusal('denied', `You (${caller.name}) may ask for "${request}" of your own only`);
  if (rule !== 'crontab') return null;
  if (onlyUser !== null && user !== onlyUser)
    return refusal('denied', `This cron is not root's, and has crontabs of ${onlyUser} only`);
  const { allowed, trouble } = access(user);
  if (allowed) return null;
  const who = isAdministrator
    ? `The user ${user} cannot use this program (crontab)`
    : `You (${user}) are not allowed to use this program (crontab)`;
  return refusal('not-allowed', trouble === undefined ? who : `${who}: ${trouble}`);
}

/** Know root, and the daemon's own user. */
export function isPrivileged(caller: { readonly uid: number }, daemon: number): boolean {
  return caller.uid === 0 || caller.uid === daemon;
}
