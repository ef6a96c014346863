/** Linux-PAM's library: whether an account may be used, answered by the machine's modules in C's own words. */
import { call, libc, library, struct } from './native.ts';

struct('pam_conv', { conv: 'void *', data: 'void *' });

const SUCCESS = 0;
const ITEM_TTY = 3;
const SILENT = 0x8000;

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

function nameInLog(name: string): void {
  const [LOG_PID, LOG_CRON] = [1, 9 << 3];
  // openlog(3) keeps the address: the copy is never freed.
  const copy: unknown = libc.func('void *strdup(const char *text)')(name);
  libc.func('void openlog(void *name, int option, int facility)')(copy, LOG_PID, LOG_CRON);
}
