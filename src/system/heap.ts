/** Memory that nobody needs any more → the kernel's, at once. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Give back what a piece of hard work has left behind.
 *
 * V8 does so when more is asked for, and a process that has loaded everything asks for nothing for months. It takes some
 * 20 ms, more with more that is in use.
 */
export function giveBack(): void {
  setFlagsFromString('--expose-gc'); // the next context that is made knows how
  const collect: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof collect === 'function') collect();
}
