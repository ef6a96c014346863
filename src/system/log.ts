/** The daemon's log: where it goes, and what writes it. */
import { isAbsolute } from 'node:path';
import type { Config } from './config.ts';
import { EXIT, Failure } from './failure.ts';
import { journalSocket } from './journald.ts';
import { type Log, type LogLine, openSink, plainLog, type Sink, type SinkChoice } from './sink.ts';

/**
 * Decide where the log goes. `auto` is syslog for a daemon, and stderr in the foreground, except
 * under systemd, whose journal wants the tags and priorities that only syslog carries.
 */
export function logChoice(
  log: Config['log'],
  foreground: boolean,
  environment: NodeJS.ProcessEnv,
): SinkChoice {
  const auto = foreground && environment['JOURNAL_STREAM'] === undefined ? 'stderr' : 'syslog';
  const to = log.to === 'auto' ? auto : log.to;
  if (to === 'syslog' || to === 'stderr' || to === 'stdout') return { to, format: log.format };
  if (isAbsolute(to)) return { to: { file: to }, format: log.format };
  const journal = journalSocket(to);
  if (journal !== null) return { to: { journal }, format: log.format };
  const problem = `[log] to = "${to}" is none of auto, syslog, journal, stderr, stdout and no absolute path`;
  throw new Failure(problem, { exit: EXIT.CONFIG });
}

/**
 * Open the log of this process: JSON by pino, with a sink of ours as its destination. Lines of text have the sink's own
 * form, and pino, 8 MB, is not loaded for them.
 * @throws what opening the file threw
 */
export async function openLog(choice: SinkChoice, tag: string): Promise<Log> {
  const sink = openSink(choice);
  return choice.format === 'json' ? jsonLog(sink, tag) : plainLog(sink, tag);
}

async function jsonLog(sink: Sink, tag: string): Promise<Log> {
  const { default: pino } = await import('pino');
  const { pid } = process;
  let current: LogLine;
  const logger = pino({ base: null }, { write: (body) => sink.write(current, body.trimEnd()) });
  return (who, event, detail, how) => {
    current = { level: 'info', tag, pid, who, event, detail, ...how };
    logger[current.level](
      { tag: current.tag, pid: current.pid, who, event, ...how?.about },
      detail,
    );
  };
}
