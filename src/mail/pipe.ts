/** A mail → the standard input of a mailer, which runs as the job's user: MAILCMD and MAILARGS. */
import { closeSync, fchownSync } from 'node:fs';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { fromText, toBytes } from '../system/bytes.ts';
import { capture } from '../system/capture.ts';
import { EXIT, Failure } from '../system/failure.ts';
import { twoPipes, unread } from '../system/libc.ts';
import type { Outgoing } from '../system/outgoing.ts';
import type { Exit, Launcher, Running } from '../system/program.ts';

/** MAILARGS taken apart: words, where `recipients` stands for as many words as there are. */
export interface MailArgs {
  readonly program: string;
  readonly words: readonly (string | { readonly recipients: true })[];
}

/**
 * Read MAILCMD and MAILARGS. As in vixie's config.h the first `%s` is the program and the second
 * the recipients; without a second one they are in the message (`-t`). Split at blanks and quotes
 * as a shell would, run without one.
 * @throws {Failure} with EXIT.CONFIG
 */
export function readMailArgs(mailcmd: string, mailargs: string): MailArgs {
  const wrong = (problem: string): Failure => new Failure(problem, { exit: EXIT.CONFIG });
  const format = split(mailargs);
  const command = split(mailcmd);
  if (format === null) throw wrong(`MAILARGS has a quote that is never closed: ${mailargs}`);
  if (command === null) throw wrong(`MAILCMD has a quote that is never closed: ${mailcmd}`);
  if (format[0] !== '%s')
    throw wrong(`MAILARGS must begin with "%s", which stands for MAILCMD: ${mailargs}`);
  const [program = ''] = command;
  if (!program.startsWith('/'))
    throw wrong(`MAILCMD must be the absolute path of a program: ${mailcmd}`);
  const rest = format.slice(1);
  const count = rest.filter((word) => word === '%s').length;
  if (count > 1 || rest.some((word) => word !== '%s' && word.includes('%s')))
    throw wrong(
      `MAILARGS takes one second "%s", a word of its own, for the recipients: ${mailargs}`,
    );
  const words = [...command, ...rest].map((word) =>
    word === '%s' ? ({ recipients: true } as const) : fromText(word),
  );
  return { program, words };
}

/** Split into words at blanks; single and double quotes keep blanks together. Null: a quote is left open. */
function split(text: string): string[] | null {
  const words = text.match(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g) ?? [];
  const unquoted = text.replaceAll(/'[^']*'|"[^"]*"/g, '');
  if (/['"]/.test(unquoted)) return null;
  return words.map((word) => word.replaceAll(/'([^']*)'|"([^"]*)"/g, '$1$2'));
}

/** The mailer's command line for a mail. */
export function mailerArgv(args: MailArgs, recipients: readonly string[]): [string, ...string[]] {
  const words = args.words.flatMap((word) => (typeof word === 'string' ? [word] : recipients));
  const [program = '', ...rest] = words;
  return [program, ...rest];
}

/** What became of a mail that was handed to a mailer. */
export interface Handed {
  readonly exit: Exit;
  /** The mailer was there and has read all of the message. */
  readonly read: boolean;
  readonly timedOut: boolean;
  /** The beginning of what it said, on either stream. */
  readonly said: string;
}

/** How much of a mailer's own output is kept for the log. */
const SAID_LIMIT = 1024;
/** Between asking a mailer to end and ending it, in milliseconds. */
const GRACE = 5000;

/** Run the mailer as the mail's user and write the message to it; at most `timeout` milliseconds. */
export async function pipeMail(
  mail: Outgoing,
  args: MailArgs,
  launcher: Launcher,
  timeout: number,
): Promise<Handed> {
  const [message, output] = twoPipes();
  let running: Running;
  try {
    if (process.geteuid?.() === 0)
      for (const fd of [message.read, output.write]) fchownSync(fd, mail.user.uid, mail.user.gid);
    running = await launcher.start({
      user: mail.user,
      argv: mailerArgv(args, mail.recipients),
      environment: mailerEnvironment(mail),
      directory: fromText(mail.user.home),
      stdin: message.read,
      output: output.write,
    });
  } catch (error) {
    for (const fd of [message.read, message.write, output.read]) closeSync(fd);
    throw error;
  } finally {
    closeSync(output.write);
  }
  const said: Buffer[] = [];
  let length = 0;
  capture(output.read, (bytes) => {
    if (length < SAID_LIMIT) said.push(Buffer.from(bytes.subarray(0, SAID_LIMIT - length)));
    length += bytes.length;
  });
  const over = new AbortController();
  const watchdog = killAfter(running.pid, timeout);
  const written = writeMessage(message.write, mail, over.signal);
  const { reached, homeless: _, ...exit } = await running.ended;
  watchdog.stop();
  over.abort();
  // The read end is kept open until here: what still lies in the pipe was never read.
  const read = (await written) && unread(message.read) === 0 && reached;
  closeSync(message.read);
  const text = Buffer.concat(said).toString('latin1').trim();
  return { exit, read, timedOut: watchdog.fired(), said: text };
}

/** A fixed environment: nothing of the crontab's, nothing of the daemon's. */
function mailerEnvironment({ user }: Outgoing): [string, string][] {
  return [
    ['SHELL', '/bin/sh'],
    ['HOME', fromText(user.home)],
    ['PATH', '/usr/sbin:/usr/bin:/sbin:/bin'],
    ['LOGNAME', fromText(user.name)],
    ['USER', fromText(user.name)],
  ];
}

/** Write head and body with backpressure; false: the mailer did not take all of it. */
async function writeMessage(fd: number, mail: Outgoing, over: AbortSignal): Promise<boolean> {
  const stream = new Socket({ fd, readable: false, writable: true });
  let broken = false;
  stream.on('error', () => (broken = true));
  try {
    stream.write(toBytes(mail.head));
    for await (const chunk of mail.chunks()) {
      if (broken || over.aborted) return false;
      if (!stream.write(chunk)) await once(stream, 'drain', { signal: over });
    }
    const finished = once(stream, 'finish', { signal: over });
    stream.end();
    await finished;
    return true;
  } catch {
    return false;
  } finally {
    stream.destroy();
  }
}

/** End a process group that takes too long: first asked, then made to. */
function killAfter(pid: number, timeout: number): { stop(): void; fired(): boolean } {
  let fired = false;
  const kill = (signal: NodeJS.Signals): void => {
    fired = true;
    try {
      process.kill(-pid, signal); // not reaped yet, so the number is still this mailer's
    } catch {
      // It ended this moment.
    }
  };
  const ask = setTimeout(() => kill('SIGTERM'), timeout);
  const end = setTimeout(() => kill('SIGKILL'), timeout + GRACE);
  return {
    stop: () => {
      clearTimeout(ask);
      clearTimeout(end);
    },
    fired: () => fired,
  };
}
