/** Whether @reboot entries are to run: once per boot, by a flag file that Debian's cron knows too. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { EXIT, errorCode, Failure, reason } from '../system/failure.ts';
import { bootId } from '../system/process.ts';

/** The first start of a cron since the machine was booted. */
export interface FirstStart {
  /** Names this boot: @reboot entries run once for it. */
  readonly boot: string;
  /** They are in the journal now: no later start runs them again. */
  done(): void;
}

/**
 * Look at the flag file. Null: a cron was started since the boot. The file holds the name of the
 * boot, for those who keep it on a disk that outlives one; Debian's cron leaves it empty.
 * @param boot which one this is
 * @throws {Failure} when it cannot be made: the entries would run again at every start
 */
export function firstStart(file: string, boot = bootId()): FirstStart | null {
  const known = readIfThere(file);
  if (known !== null && (known === '' || known === boot)) return null;
  const draft = `${file}.new`;
  try {
    // Made now and named last: a crash in between makes the next start look again.
    writeFileSync(draft, `${boot}\n`, { mode: 0o644 });
  } catch (error) {
    const problem = `Can't create reboot check file ${file}: ${reason(error)}`;
    throw new Failure(problem, { exit: EXIT.CANNOT_CREATE, cause: error });
  }
  return { boot, done: () => renameSync(draft, file) };
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    return ''; // Debian's has mode 0: it is there, and that is all it says
  }
}
