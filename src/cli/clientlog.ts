/** `[log]` of the configuration → where a client logs. */
import { isAbsolute } from 'node:path';
import type { Config } from '../system/config.ts';
import { journalSocket } from '../system/journald.ts';
import { type Log, openSink, plainLog } from '../system/sink.ts';

/** Log where the daemon does, if that is a file one may write; else to journal or syslog, in silence without. */
export function clientLog({ to, format }: Config['log']): Log {
  if (isAbsolute(to)) {
    try {
      return plainLog(openSink({ to: { file: to }, format }), 'crontab');
    } catch {
      // An ordinary user's client, and root's log.
    }
  }
  const journal = journalSocket(to);
  const daemon = journal === null ? 'syslog' : { journal };
  return plainLog(openSink({ to: daemon, format, silent: true }), 'crontab');
}
