/** A program and its user → a process of that user; nothing that is still root sees a byte of a crontab. */
import { closeSync, readSync, realpathSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startChild } from '../system/children.ts';
import { reason } from '../system/failure.ts';
import { memoryFile, seal } from '../system/libc/memory.ts';
import type { Exit, Launcher, Program, Running, Spawn, Start } from '../system/program.ts';
import { toBytes } from '../system/bytes.ts';
import { signalSession } from '../system/session.ts';
import { findDrop } from './drop.ts';
import {
  canBeShell,
  isMistaken,
  isWaiting,
  NOTE_LENGTH,
  readNote,
  script,
  SHELL,
  shellWords,
  type Way,
} from './script.ts';

/** systemd may have a thousand scopes to make. */
const SCOPE = 10_000;
/** How often to look whether it has made one, in milliseconds. */
const LOOK = 5;

/**
 * Start programs through chroot(8) or setpriv(1) (see drop.ts) and a script on descriptor 3.
 *
 * - What is spawned as root is that one, with an empty environment, in `/`, and with numbers as its
 *   arguments. It drops everything, and only then /bin/sh reads the script (see script.ts) that
 *   holds the crontab's words.
 * - A job with a systemd scope is spawned as systemd-run, which executes that one in its place.
 * - The script is a nameless file in memory: values stand on no command line, where ps shows them.
 * - Where the program is what most jobs are, dash with a command, that shell goes on as the program.
 *   Its command is then an argument of that shell's, which root's program hands on unread.
 * - All of it is exec: pid, signals and status are the program's own.
 *
 * @param self uid of this process: without root there is nobody else to become
 * @param patience how long systemd-run may take, in milliseconds
 */
export function systemLauncher(self: number, nofile: number, patience = SCOPE): Launcher {
  const isDash = hasDash();
  return {
    async start(program, holder) {
      if (self !== 0 && program.user.uid !== self)
        throw new Error(`only root can start a program as user "${program.user.name}"`);
      const { uid, gid } = program.user;
      const groups = holder?.groups ?? program.user.groups;
      const way = {
        isShell: isDash && holder === undefined && canBeShell(program), // a holder sees numbers alone
        nofile: holder === undefined ? nofile : null, // a session brings the limits with it
      };
      const shell = shellWords(program, way);
      const asRoot = async (): Promise<string[]> => {
        const drop = await findDrop();
        return [...(program.scope ?? []), ...drop({ uid, gid, groups }), ...shell];
      };
      const [file = SHELL, ...args] = self === 0 ? await asRoot() : shell;
      const note = noteFile(program, way);
      try {
        const { pid, ended } = await (holder?.spawn ?? spawnHere)(file, args, { ...program, note });
        let isOver = false;
        const told = ended.then((exit) => {
          isOver = true;
          return withStart(exit, note, way);
        });
        const running = { pid, ended: told, isOver: () => isOver };
        if (program.scope === undefined || self !== 0) return running;
        const scoped = pastScope(running, note, patience);
        return {
          ...running,
          scoped,
          ended: told.then(async (exit) => ((await scoped) ? exit : { ...exit, unscoped: true })),
        };
      } catch (error) {
        closeSync(note);
        throw error;
      }
    },
  };
}

/** Whether /bin/sh is a dash, the only one of which it is known that it can be a job's shell and ours. */
function hasDash(): boolean {
  try {
    return basename(realpathSync(SHELL)) === 'dash';
  } catch {
    return false; // each start will tell
  }
}

/** The script in a file without a name, which the user may write but not let grow. */
function noteFile(program: Program, way: Way): number {
  const fd = memoryFile('cron');
  try {
    const bytes = toBytes(script(program, way));
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at, at);
    seal(fd);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

const spawnHere: Spawn = async (file, args, { stdin, output, note, inOrder = false }) => {
  try {
    const { pid, ended } = await startChild([file, args, [stdin, output, output, note]], {
      inOrder,
    });
    return { pid, ended: ended.then(({ code, signal, ...usage }) => ({ code, signal, usage })) };
  } catch (error) {
    throw new Error(`${file}: ${reason(error)}`, { cause: error });
  }
};

function withStart(exit: Exit & Pick<Start, 'usage'>, note: number, way: Way): Exit & Start {
  const { reached, homeless } = readNote(headOf(note));
  closeSync(note);
  return { ...exit, reached: reached || isMistaken(exit, way), homeless };
}

function headOf(note: number): string {
  const head = Buffer.alloc(NOTE_LENGTH);
  return head.toString('latin1', 0, readSync(note, head, 0, head.length, 0));
}

/**
 * Wait until systemd-run has become the script, which waits for its line; false: it did not answer, and is ended.
 * Nothing has been said to it then, so whatever moment that falls on, nothing of the crontab's has run.
 */
async function pastScope(
  { pid, isOver }: Pick<Running, 'pid' | 'isOver'>,
  note: number,
  patience: number,
): Promise<boolean> {
  const deadline = performance.now() + patience;
  while (!isOver() && !isWaiting(headOf(note))) {
    if (performance.now() > deadline) {
      return !signalSession(pid, 'SIGKILL');
    }
    await pause(LOOK);
  }
  return true;
}
