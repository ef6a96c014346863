/** A program and its user → a process of that user; nothing that is still root sees a byte of a crontab. */
import { spawn } from 'node:child_process';
import { closeSync, readSync, writeSync } from 'node:fs';
import { reason } from '../system/failure.ts';
import { memoryFile, seal } from '../system/libc/memory.ts';
import type { Launcher, Program, Running, Start } from '../system/program.ts';
import { toBytes } from '../system/bytes.ts';
import type { User } from '../system/users.ts';
import { NOTE_LENGTH, readNote, script } from './script.ts';

/** util-linux's; by absolute path, for a PATH of ours is as little to be trusted as a user's. */
const SETPRIV = '/usr/bin/setpriv';
const SHELL = '/bin/sh';

/**
 * Start programs through setpriv(1) and a script on descriptor 3.
 *
 * - What is spawned as root is setpriv, with an empty environment, in `/`, and with numbers as its
 *   arguments. It drops everything, and only then /bin/sh reads the script (see script.ts) that
 *   holds the crontab's words.
 * - The script is a nameless file in memory: values stand on no command line, where ps shows them.
 * - All of it is exec: pid, signals and status are the program's own.
 *
 * @param self uid of this process: without root there is nobody else to become
 */
export function systemLauncher(self: number, nofile: number): Launcher {
  return {
    async start(program) {
      if (self !== 0 && program.user.uid !== self)
        throw new Error(`only root can start a program as user "${program.user.name}"`);
      const drop = self === 0 ? [SETPRIV, ...identity(program.user), '--'] : [];
      const [file, ...args] = [...drop, SHELL, '/proc/self/fd/3'];
      return spawned(file ?? SHELL, args, program, noteFile(program, nofile));
    },
  };
}

/** All of setpriv's arguments are numbers of ours. */
function identity(user: User): string[] {
  const groups = user.groups.length === 0 ? '--clear-groups' : `--groups=${user.groups.join(',')}`;
  return [`--reuid=${user.uid}`, `--regid=${user.gid}`, groups];
}

/** The script in a file without a name, which the user may write but not let grow. */
function noteFile(program: Program, nofile: number): number {
  const fd = memoryFile('cron');
  try {
    const bytes = toBytes(script(program, nofile));
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at, at);
    seal(fd);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function spawned(file: string, args: string[], program: Program, note: number): Promise<Running> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      closeSync(note);
      reject(refused(file, error));
    };
    try {
      const child = spawn(file, args, {
        cwd: '/',
        env: {},
        detached: true,
        stdio: [program.stdin, program.output, program.output, note],
      });
      const { pid } = child;
      // `error` before `spawn` means that no `exit` will come; there is no pid then.
      if (pid === undefined) {
        child.once('error', fail);
        return;
      }
      const ended = new Promise<Awaited<Running['ended']>>((end) => {
        child.once('exit', (code, signal) => {
          const start = readStart(note);
          closeSync(note);
          end({ code, signal, ...start });
        });
      });
      resolve({ pid, ended });
    } catch (error) {
      fail(error);
    }
  });
}

/** Say what could not be executed, in a few words; the cause has errno's name. */
function refused(file: string, error: unknown): Error {
  return new Error(`${file}: ${reason(error)}`, { cause: error });
}

function readStart(note: number): Start {
  const head = Buffer.alloc(NOTE_LENGTH);
  const length = readSync(note, head, 0, head.length, 0);
  return readNote(head.toString('latin1', 0, length));
}
