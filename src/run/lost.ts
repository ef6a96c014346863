/** A run whose runner died → the mail that says so, with what was captured of its output. */
import { readFileSync, unlinkSync } from 'node:fs';
import { jobEnvironment } from '../core/environment.ts';
import { toText } from '../system/bytes.ts';
import { errorCode } from '../system/failure.ts';
import type { Deliver } from '../system/outgoing.ts';
import type { Log } from '../system/sink.ts';
import type { Users } from '../system/users.ts';
import type { LostRun } from './protocol.ts';
import { ending, type Letterhead, report } from './report.ts';

interface LostTools {
  readonly users: Users;
  readonly log: Log;
  readonly deliver: Deliver;
  readonly letterhead: Letterhead;
  readonly outputFile: (run: string) => string;
}

const LAST_SECOND = 'cron: what it printed in its last second before that, and after, is lost.\n';

/** Log and mail what is known of it; false: nobody has taken the mail. */
export async function mailLost(lost: LostRun, tools: LostTools): Promise<boolean> {
  const { firing, exit, bytes } = lost;
  const file = tools.outputFile(firing.run);
  const captured = readIfThere(file);
  const how = exit === null ? 'its outcome is unknown' : `it ${ending(exit)}`;
  const kept = `${captured.length} bytes of output were kept`;
  const detail = `${toText(firing.command)}: its runner died; ${how}, ${kept}`;
  tools.log(firing.user, 'LOST', detail, { level: 'error', tag: 'CRON' });

  const user = await tools.users.find(firing.user).catch(() => null);
  if (user !== null) {
    const incomplete = exit === null || captured.length < bytes;
    const facts = {
      firing,
      user,
      exit,
      environment: jobEnvironment([], firing.environment, user.name, user.home).cron,
      preface: `cron: the process that watched this job died; ${how}.\n${incomplete ? LAST_SECOND : ''}\n`,
      body: {
        size: captured.length,
        async *chunks() {
          if (captured.length > 0) yield captured;
        },
      },
    };
    const mail = report(facts, tools.letterhead, tools.log);
    if (mail !== null && !(await tools.deliver(mail))) return false;
  }
  if (captured.length > 0) unlinkSync(file);
  return true;
}

function readIfThere(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}
