/** A user → what PAM says of their account, whatever its modules do: crash, hang, or end the process. */
import type { PamAnswer } from '../system/libc/pam.ts';
import { semaphore } from '../system/semaphore.ts';
import { Checker, Died } from './checker.ts';

/** Ask PAM. Throws when it does not answer. */
export type Check = (user: string) => Promise<PamAnswer>;

/** In milliseconds. */
export interface CheckTimes {
  /** A check that takes longer has hung for good; its jobs have not waited for it that long. */
  readonly hang: number;
  /** Who ended a process is not asked about again for so long. */
  readonly pause: number;
  /** A process with nothing to check for so long ends: until the next minute's jobs. */
  readonly idle: number;
}

const TIMES: CheckTimes = { hang: 300_000, pause: 60_000, idle: 3000 };

/** Checks under way at the same time in the process that all share: each holds one of its 64 threads. */
const TOGETHER = 48;
/** ... and of those that have a process for themselves. */
const APART = 4;

/**
 * Ask in a process that all share, for that takes no time. When it dies, nobody knows of whom: who was asked about
 * at that time is asked about once more, alone. Who ends that one too has no other in danger from then on.
 * @param program the checker's
 */
export function pamChecks(program: string, { hang, pause, idle }: CheckTimes = TIMES): Check {
  const dangerous = new Map<string, { readonly error: Died; readonly until: number }>();
  const [together, apart] = [semaphore(TOGETHER), semaphore(APART)];
  let shared: Checker | null = null;
  const askShared = (user: string): Promise<PamAnswer> => {
    if (shared === null || shared.isOver) shared = new Checker(program, hang, idle);
    return shared.ask(user);
  };
  const askAlone = async (user: string): Promise<PamAnswer> => {
    const before = dangerous.get(user);
    if (before !== undefined && before.until > performance.now()) throw before.error;
    try {
      const answer = await new Checker(program, hang, 0).ask(user);
      dangerous.delete(user);
      return answer;
    } catch (error) {
      if (error instanceof Died) dangerous.set(user, { error, until: performance.now() + pause });
      throw error;
    }
  };
  return async (user) => {
    if (!dangerous.has(user)) {
      try {
        return await together(() => askShared(user));
      } catch (error) {
        if (!(error instanceof Died)) throw error;
      }
    }
    return apart(() => askAlone(user));
  };
}
