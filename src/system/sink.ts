/** Log lines on their way out: to syslog, to stderr or stdout, or to a file. */
import { closeSync, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import { bounded, openDatagrams } from './datagrams.ts';
import { fieldsOf } from './journald.ts';

export type Level = 'info' | 'error';

/** One line of the log before it has a form: vixie's `(WHO) EVENT (DETAIL)`. */
export interface LogLine {
  readonly level: Level;
  /** `cron` for the daemon, `CRON` for what concerns one job, `crontab` for the command. */
  readonly tag: string;
  /** The process that the line is about: of `CMD` the job's own. */
  readonly pid: number;
  readonly who: string;
  readonly event: string;
  readonly detail: string;
  readonly about?: About;
}

/** The run that a line is about, as far as it is known; for journals that have fields. */
export interface About {
  readonly user?: string;
  /** The entry's identity. */
  readonly entry?: string;
  readonly crontab?: string;
  readonly line?: number;
  readonly run?: string;
  /** How it ended. */
  readonly exit?: number | null;
  readonly signal?: string | null;
}

/** Where lines go; `body` stands for the line where its form is made already (pino's JSON). */
export interface Sink {
  write(line: LogLine, body?: string): void;
}

/** How a line differs from the usual `info` of this process. */
export type LogHow = Partial<Pick<LogLine, 'level' | 'tag' | 'pid' | 'about'>>;

/** Log `(WHO) EVENT (DETAIL)`; the words of the events are vixie's and Debian's. */
export type Log = (who: string, event: string, detail: string, how?: LogHow) => void;

/** The same log, whose lines tell what they are about. */
export function logAbout(log: Log, about: About): Log {
  return (who, event, detail, how) =>
    log(who, event, detail, { ...how, about: { ...about, ...how?.about } });
}

/** A log on a sink alone, for a runner, which loads as little as it can. */
export function plainLog(sink: Sink, tag: string): Log {
  const { pid } = process;
  return (who, event, detail, how) => {
    sink.write({ level: 'info', tag, pid, who, event, detail, ...how });
  };
}

/** Descriptors that whoever started the daemon reads. */
const STREAMS = { stderr: 2, stdout: 1 } as const;

/** Where the log goes and in which form; `[log]` of the configuration. */
export interface SinkChoice {
  readonly to:
    | 'syslog'
    | keyof typeof STREAMS
    | { readonly file: string }
    /** The socket of systemd's journal, or of one of its namespaces. */
    | { readonly journal: string };
  readonly format: 'text' | 'json';
  /** A command: without syslog it says nothing, for its stderr is its user's. */
  readonly silent?: boolean;
  /**
   * Send lines in the name of the process that they are about, where that lives: journalctl(1) shows the sender's
   * pid, whatever the line says. Not where jobs have units of their own, or the lines would be none of cron's.
   */
  readonly impersonate?: boolean;
}

/**
 * Open the sink that was chosen. A journal that is not there (yet) falls back to syslog, and syslog to stderr, line
 * by line.
 */
export function openSink(choice: SinkChoice): Sink {
  const form = choice.format === 'json' ? json : undefined;
  const { to } = choice;
  if (to === 'syslog') return syslog(form ?? message, choice);
  if (typeof to === 'object' && 'journal' in to)
    return journal(to.journal, form ?? message, choice);
  const target = typeof to === 'string' ? (): number => STREAMS[to] : logFile(to.file);
  return { write: (line, body) => put(target(), `${body ?? (form ?? stamped)(line)}\n`) };
}

/** How often a log file is looked at, in milliseconds: logrotate may have moved it away. */
const LOOK = 1000;

/** A file that is opened anew when another one, or none, lies in its place. */
function logFile(file: string): () => number {
  let fd = openSync(file, 'a', 0o640);
  let looked = performance.now();
  return () => {
    const now = performance.now();
    if (now - looked < LOOK) return fd;
    looked = now;
    try {
      if (statSync(file, { throwIfNoEntry: false })?.ino !== fstatSync(fd).ino) {
        const moved = fd;
        fd = openSync(file, 'a', 0o640);
        closeSync(moved);
      }
    } catch {
      // It cannot be opened for now: the lines go where they went.
    }
    return fd;
  };
}

/** The line as vixie words it. */
export function message(line: LogLine): string {
  return oneLine(`(${line.who}) ${line.event} (${line.detail})`);
}

/** What a line must not hold: a newline or another control character would forge a second line. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}

function stamped(line: LogLine): string {
  const now = new Date();
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000);
  const time = local.toISOString().slice(0, 23).replace('T', ' ');
  return `${time} ${line.tag}[${line.pid}]: ${message(line)}`;
}

/** The fields that log.ts has pino write, so that lines of scheduler and runner look alike. */
function json(line: LogLine): string {
  const { level, tag, pid, who, event, about, detail } = line;
  const number = level === 'error' ? 50 : 30;
  const time = Date.now();
  return JSON.stringify({ level: number, time, tag, pid, who, event, ...about, msg: detail });
}

const FACILITY_CRON = 9;
const SEVERITY = { info: 6, error: 3 } as const;
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** Datagrams to /dev/log, in the form that every syslog daemon and journald read (RFC 3164). */
function syslog(form: (line: LogLine) => string, { silent, impersonate }: SinkChoice): Sink {
  const deliver = openDatagrams('/dev/log');
  return {
    write(line, body) {
      const now = new Date();
      const day = String(now.getDate()).padStart(2);
      const time = [now.getHours(), now.getMinutes(), now.getSeconds()]
        .map((part) => String(part).padStart(2, '0'))
        .join(':');
      const priority = (FACILITY_CRON << 3) + SEVERITY[line.level];
      const head = `<${priority}>${MONTHS[now.getMonth()]} ${day} ${time}`;
      const data = bounded(`${head} ${line.tag}[${line.pid}]: ${body ?? form(line)}`);
      const isTaken = deliver(data, impersonate === true ? line.pid : undefined);
      if (!isTaken && silent !== true) put(2, `${stamped(line)}\n`);
    },
  };
}

/** Datagrams to journald in its own form: the line as syslog has it, and fields to search by. */
function journal(path: string, form: (line: LogLine) => string, choice: SinkChoice): Sink {
  const deliver = openDatagrams(path);
  const otherwise = syslog(form, choice);
  return {
    write(line, body) {
      const { tag, pid, about = {} } = line;
      const data = fieldsOf({
        MESSAGE: bounded(body ?? form(line)),
        PRIORITY: SEVERITY[line.level],
        SYSLOG_FACILITY: FACILITY_CRON,
        SYSLOG_IDENTIFIER: tag,
        SYSLOG_PID: pid,
        CRON_USER: about.user,
        CRON_ENTRY: about.entry,
        CRON_CRONTAB: about.crontab,
        CRON_LINE: about.line,
        CRON_RUN: about.run,
        CRON_EXIT: about.exit,
        CRON_SIGNAL: about.signal,
      });
      if (!deliver(data, choice.impersonate === true ? pid : undefined))
        otherwise.write(line, body);
    },
  };
}

/** Write without ever throwing: a closed stderr or a full disk must not stop a job. */
function put(fd: number, text: string): void {
  try {
    writeSync(fd, text);
  } catch {
    // There is nowhere left to say it.
  }
}
