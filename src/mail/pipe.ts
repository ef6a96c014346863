/** A mail → the standard input of a mailer, which runs as the job's user, or as the one that is set. */
import { closeSync, fchownSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fromText } from '../system/bytes.ts';
import { capture } from '../system/capture.ts';
import { pipe } from '../system/libc/descriptors.ts';
import type { Outgoing } from '../system/outgoing.ts';
import type { Exit, Launcher, Running } from '../system/program.ts';
import type { User } from '../system/users.ts';
import { writeLetter } from './letter.ts';
import { type MailArgs, mailerArgv } from './mailargs.ts';

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
/** How long a mailer that has ended is listened to, in milliseconds. */
const LAST_WORDS = 200;
/** Between asking a mailer to end and ending it, in milliseconds. */
const GRACE = 5000;

/** How a mailer is run. */
export interface Way {
  readonly args: MailArgs;
  /** Directory for large messages, ours alone. */
  readonly spool: string;
  /** In milliseconds. */
  readonly timeout: number;
  /** Who runs it, if it is not the mail's user. */
  readonly as?: User;
}

/** Run the mailer with the message as its input. */
export async function pipeMail(mail: Outgoing, way: Way, launcher: Launcher): Promise<Handed> {
  const user = way.as ?? mail.user;
  const letter = await writeLetter(mail, way.args.reads, way.spool);
  try {
    const output = pipe();
    let running: Running;
    try {
      if (process.geteuid?.() === 0) fchownSync(output.write, user.uid, user.gid);
      running = await launcher.start({
        user,
        argv: mailerArgv(way.args, { ...mail, charset: letter.charset }),
        environment: mailerEnvironment(user),
        directory: fromText(user.home),
        stdin: letter.fd,
        output: output.write,
      });
    } catch (error) {
      closeSync(output.read);
      throw error;
    } finally {
      closeSync(output.write);
    }
    const said: Buffer[] = [];
    let length = 0;
    const { closed } = capture(output.read, (bytes) => {
      if (length < SAID_LIMIT) said.push(Buffer.from(bytes.subarray(0, SAID_LIMIT - length)));
      length += bytes.length;
    });
    const watchdog = killAfter(running.pid, way.timeout);
    const { reached, code, signal } = await running.ended;
    const exit = { code, signal };
    watchdog.stop();
    // What it leaves running may hold the pipe open for ever.
    await Promise.race([closed, pause(LAST_WORDS, undefined, { ref: false })]);
    const text = Buffer.concat(said).toString('latin1').trim();
    return { exit, read: reached && letter.wasRead(), timedOut: watchdog.fired(), said: text };
  } finally {
    letter.close();
  }
}

/** A fixed environment: nothing of the crontab's, nothing of the daemon's. */
function mailerEnvironment(user: User): [string, string][] {
  return [
    ['SHELL', '/bin/sh'],
    ['HOME', fromText(user.home)],
    ['PATH', '/usr/sbin:/usr/bin:/sbin:/bin'],
    ['LOGNAME', fromText(user.name)],
    ['USER', fromText(user.name)],
  ];
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
