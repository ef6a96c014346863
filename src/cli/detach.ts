/** The daemon's last step away from its terminal. */
import { closeSync, openSync } from 'node:fs';
import { dup2 } from '../system/libc/descriptors.ts';
import { tellParent } from './fork.ts';

/** Tell who started us that all is well, and let go of the last descriptor that we share. */
export async function leaveTerminal(): Promise<void> {
  await tellParent({ ready: true });
  const nowhere = openSync('/dev/null', 'w');
  dup2(nowhere, 2);
  closeSync(nowhere);
}
