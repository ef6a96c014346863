/** Outputs of which no journal knows → kept where long outputs are, and logged: whose they are, nobody can tell. */
import { unlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { Keep } from '../run/shelf.ts';
import { reason } from '../system/failure.ts';
import type { Log } from '../system/sink.ts';

/** Move them; each that cannot be moved stays, and the log says why. */
export function keepStrays(names: readonly string[], outputs: string, keep: Keep, log: Log): void {
  for (const name of names) {
    const file = join(outputs, name);
    try {
      const now = Date.now() / 1000;
      utimesSync(file, now, now); // from now on it is kept for a while
      const place = keep(file, `unknown-${name}`);
      unlinkSync(file);
      log('CRON', 'LOST', `no journal knows of this output, it is kept: ${place}`, ERROR);
    } catch (error) {
      log('CRON', 'ERROR', `cannot keep the output "${file}": ${reason(error)}`, ERROR);
    }
  }
}

const ERROR = { level: 'error' } as const;
