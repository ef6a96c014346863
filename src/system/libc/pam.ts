/** Linux-PAM's library: whether an account may be used, and a user's session. */
import { call, libc, library, pointerAt, stringAt, struct } from './native.ts';

struct('pam_conv', { conv: 'void *', data: 'void *' });

const SUCCESS = 0;
const ITEM_TTY = 3;
const SILENT = 0x8000;
const ESTABLISH_CREDENTIALS = 0x2;
const DELETE_CREDENTIALS = 0x4;

/** What the library said: 0, or one of the numbers of _pam_types.h, and its words for it. */
export interface PamAnswer {
  readonly status: number;
  readonly text: string;
}

/** The library, bound. */
export type Pam = NonNullable<ReturnType<typeof openPam>>;

/**
 * Bind the library; null: this machine has none. Its modules are loaded by the library itself, with each use.
 * They write to the log as what they are called from, which is `CRON`, as under Debian's cron.
 */
export function openPam() {
  let pam: ReturnType<typeof library>;
  try {
    pam = library('libpam.so.0');
  } catch {
    return null;
  }
  nameInLog('CRON');
  return {
    start: pam.func(
      'int pam_start(const char *service, const char *user, const pam_conv *conv, _Out_ void **handle)',
    ),
    setItem: pam.func('int pam_set_item(void *handle, int item, const char *value)'),
    accountManagement: pam.func('int pam_acct_mgmt(void *handle, int flags)'),
    setCredentials: pam.func('int pam_setcred(void *handle, int flags)'),
    openSession: pam.func('int pam_open_session(void *handle, int flags)'),
    closeSession: pam.func('int pam_close_session(void *handle, int flags)'),
    environment: pam.func('void *pam_getenvlist(void *handle)'),
    strerror: pam.func('const char *pam_strerror(void *handle, int status)'),
    end: pam.func('int pam_end(void *handle, int status)'),
  };
}

/**
 * Nobody is there to answer a module's question. Its address in C is given and no function of ours, for a module
 * asks on a thread of its own: abs(3) of the number of questions is not 0, which is all that a refusal takes.
 */
const NOBODY = { conv: libc.symbol('abs'), data: null };

/** Ask whether a user's account may be used now, on another thread: a module may wait for a network. */
export async function checkAccount(pam: Pam, service: string, user: string): Promise<PamAnswer> {
  const handle: [unknown] = [null];
  let status = await call(pam.start, service, user, NOBODY, handle);
  if (status === SUCCESS) {
    // As under Debian's cron: access.conf(5) and time.conf(5) know its jobs by this terminal.
    status = pam.setItem(handle[0], ITEM_TTY, 'cron');
    if (status === SUCCESS) status = await call(pam.accountManagement, handle[0], SILENT);
    await call(pam.end, handle[0], status);
  }
  return { status, text: String(pam.strerror(null, status)) };
}

/** A session that is open. */
export interface PamSession {
  /** Variables that its modules set; byte strings. */
  readonly environment: readonly (readonly [name: string, value: string])[];
  close(): void;
}

/**
 * Open a session, on this thread: what modules change sticks to it (login uid, limits, groups, priority), and
 * what it starts inherits that. A thread that had one is good for no other.
 * @param opened called before anything else is done that takes memory: its limit may be below what we have
 */
export function openSession(
  pam: Pam,
  service: string,
  user: string,
  opened: () => void,
): PamSession | PamAnswer {
  const handle: [unknown] = [null];
  let status: number = pam.start(service, user, NOBODY, handle);
  const [open] = handle;
  const steps: readonly (() => number)[] = [
    () => pam.setItem(open, ITEM_TTY, 'cron'),
    () => pam.accountManagement(open, SILENT),
    () => pam.setCredentials(open, ESTABLISH_CREDENTIALS | SILENT),
    () => pam.openSession(open, SILENT),
  ];
  for (const step of steps) if (status === SUCCESS) status = step();
  opened();
  if (status !== SUCCESS) {
    const text = String(pam.strerror(null, status));
    if (open !== null) pam.end(open, status);
    return { status, text };
  }
  return {
    environment: variables(pam.environment(open)),
    close() {
      pam.setCredentials(open, DELETE_CREDENTIALS | SILENT);
      pam.end(open, pam.closeSession(open, SILENT));
    },
  };
}

/** The strings of a list that ends with a null pointer; it is not freed. */
function variables(list: unknown): [name: string, value: string][] {
  const found: [string, string][] = [];
  for (let at = 0; ; at++) {
    const address = pointerAt(list, at);
    if (address === null || address === 0n) return found;
    const text = stringAt(address);
    const end = text.indexOf('=');
    found.push([text.slice(0, end), text.slice(end + 1)]);
  }
}

function nameInLog(name: string): void {
  const [LOG_PID, LOG_CRON] = [1, 9 << 3];
  // openlog(3) keeps the address: the copy is never freed.
  const copy: unknown = libc.func('void *strdup(const char *text)')(name);
  libc.func('void openlog(void *name, int option, int facility)')(copy, LOG_PID, LOG_CRON);
}
