/** The configuration's paths → directories that are there and can be written; else a Failure. */
import { accessSync, chmodSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../system/config.ts';
import { errorCode, EXIT, Failure, reason } from '../system/failure.ts';

/**
 * Make what the daemon writes into.
 * @throws {Failure} when one cannot be made or written
 */
export function makeDirectories({ state, run }: Config['paths']): void {
  const directories: [string, number][] = [
    [state, 0o700],
    [join(state, 'journal'), 0o700],
    [join(state, 'output'), 0o700],
    [join(state, 'record'), 0o700],
    [join(state, 'outbox'), 0o700],
    [join(state, 'backup'), 0o700],
    [join(state, 'long'), 0o700],
    [run, 0o755], // everybody may reach the control socket
  ];
  for (const [directory, mode] of directories) {
    try {
      makeDirectory(directory, mode);
      accessSync(directory, constants.W_OK | constants.X_OK);
    } catch (error) {
      const advice =
        process.geteuid?.() === 0
          ? ''
          : '; as an ordinary user, give cron a configuration with [paths] of your own (--config FILE)';
      const problem = `Cannot create or write "${directory}": ${reason(error)}${advice}`;
      throw new Failure(problem, { exit: EXIT.CANNOT_CREATE, cause: error });
    }
  }
}

/** With its parents; Node's own way never ends where a file system says ENOENT below an existing one, as /proc does. */
function makeDirectory(directory: string, mode: number): void {
  try {
    mkdirSync(directory, { mode });
    chmodSync(directory, mode); // whatever the umask
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EEXIST' && statSync(directory).isDirectory()) return;
    if (code !== 'ENOENT' || existsSync(dirname(directory))) throw error;
    makeDirectory(dirname(directory), mode);
    makeDirectory(directory, mode);
  }
}
