/** The daemon's log: pino, with a sink of ours as its destination. */
import pino from 'pino';
import { type Log, type LogLine, openSink, type SinkChoice } from './sink.ts';

/** Open the log of this process; throws what opening the file threw. */
export function openLog(choice: SinkChoice, tag: string): Log {
  const sink = openSink(choice);
  const { pid } = process;
  let current: LogLine;
  const destination = {
    write(body: string): void {
      sink.write(current, choice.format === 'json' ? body.trimEnd() : undefined);
    },
  };
  const logger = pino({ base: null }, destination);
  return (who, event, detail, how) => {
    current = { level: 'info', tag, pid, who, event, detail, ...how };
    logger[current.level](
      { tag: current.tag, pid: current.pid, who, event, ...how?.about },
      detail,
    );
  };
}
