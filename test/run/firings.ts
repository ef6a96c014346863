/** Firings for tests. */
import type { Firing } from '../../src/run/protocol.ts';
import { me } from '../support/sandbox.ts';

/** A firing of that name: its key is `NAME@1`, its run `NAME`. */
export function firing(name: string, changed: Partial<Firing> = {}): Firing {
  return {
    key: `${name}@1`,
    identity: name,
    run: name,
    user: me,
    command: `echo ${name}`,
    stdin: null,
    environment: [['HOME', '/']],
    quiet: false,
    mailSuccess: 'nonempty',
    timeout: 0,
    overlap: 'allow',
    ...changed,
  };
}
