/** Mails that were being written when their writers died → removed. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunning } from '../system/process.ts';
import { list, placeOf } from './outbox.ts';

/** Remove drafts whose writers, named at their ends, are gone: their runs are reported by other means. */
export async function removeDrafts(outbox: string): Promise<void> {
  for (const name of await list(outbox, 'new')) {
    const pid = Number(/\.(\d+)$/.exec(name)?.[1] ?? 0);
    if (pid !== process.pid && isRunning(pid)) continue;
    await rm(join(placeOf(outbox, 'new'), name), { recursive: true, force: true });
  }
}
