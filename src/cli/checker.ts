/** The checker's program: users → what PAM says of their accounts, each on a thread of its own. */
import type { CheckerAnswer, CheckerQuestion } from '../run/checker.ts';
import { reason } from '../system/failure.ts';
import { checkAccount, openPam } from '../system/libc/pam.ts';
import { sealDescriptors } from '../system/process.ts';

const SERVICE = 'cron';
/** PAM_SYSTEM_ERR */
const SYSTEM_ERR = 4;

sealDescriptors();
const pam = openPam();

process.on('message', (question: CheckerQuestion) => void answer(question)); // never throws
// An end in order would wait for a module that hangs.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

async function answer({ number, user }: CheckerQuestion): Promise<void> {
  const answered: CheckerAnswer = { number, ...(await check(user)) };
  if (process.connected) process.send?.(answered, () => {}); // who is gone need not know
}

/** Where there is no PAM, nobody is refused. */
async function check(user: string): Promise<Omit<CheckerAnswer, 'number'>> {
  if (pam === null) return { status: 0, text: '' };
  try {
    return await checkAccount(pam, SERVICE, user);
  } catch (error) {
    return { status: SYSTEM_ERR, text: reason(error) };
  }
}
