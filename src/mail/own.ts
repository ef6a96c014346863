/** The command line of a program of our own package → nothing where it is there, or an error that says what happened. */
import { existsSync } from 'node:fs';

/**
 * See that a program of ours is there before it is started: an upgrade may have taken it away.
 * @throws when it is not, in words that are for the log and for the mail that waits meanwhile
 */
export function checkOwn([, ...words]: readonly string[]): void {
  const gone = words.find((word) => word.startsWith('/') && !existsSync(word));
  if (gone !== undefined)
    throw new Error(`"${gone}" is gone, with the version of cron that was running`);
}
