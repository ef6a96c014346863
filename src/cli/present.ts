/** What there is at the moment, for the metrics. */
import { join } from 'node:path';
import { countMails } from '../mail/listing.ts';
import type { Runners } from '../run/runners.ts';
import type { LoadedCrontabs } from './crontabs.ts';
import type { Present } from './meters.ts';

/** Look what there is whenever that is called; an outbox that cannot be read is left out. */
export function presentOf(
  crontabs: Pick<LoadedCrontabs, 'tabs'>,
  runners: Pick<Runners, 'jobs' | 'list'>,
  state: string,
): () => Promise<Present> {
  return async () => {
    const mails = await countMails(join(state, 'outbox'), () => true).catch(() => null);
    return { tabs: crontabs.tabs, jobs: runners.jobs, runners: runners.list.length, mails };
  };
}
