/** What the process does about a signal, kept from libraries that change it. */
import { constants } from 'node:os';
import { check, libc } from './native.ts';

const sigaction = libc.func(
  'int sigaction(int signal, const uint8 *action, _Inout_ uint8 *before)',
);

/** More than a struct sigaction has on any Linux. */
const ACTION = 256;

/**
 * Keep Node's way to take a signal, from now to the end of the process.
 * @returns what brings it back, and has Node look whether the signal was missed meanwhile
 */
export function keepSignal(name: 'SIGCHLD'): () => void {
  const number = constants.signals[name];
  process.on(name, () => {}); // with a listener, Node's handler is there for good
  const ours = Buffer.alloc(ACTION);
  check('sigaction', sigaction(number, null, ours));
  return () => {
    check('sigaction', sigaction(number, ours, null));
    process.kill(process.pid, number);
  };
}
