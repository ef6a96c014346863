/** A user's numbers → the words of a command line of root's that gives up everything that is not that user's. */
import { closeSync, openSync, readSync } from 'node:fs';
import { startChild } from '../system/children.ts';
import { memoryFile } from '../system/libc/memory.ts';

/** Whom to become. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** The words; a program and its arguments come after them. */
export type Drop = (identity: Identity) => readonly [file: string, ...args: string[]];

/** coreutils' and util-linux's; by absolute paths, for a PATH of ours is as little to be trusted as a user's. */
const CHROOT = '/usr/sbin/chroot';
const SETPRIV = '/usr/bin/setpriv';

/**
 * By chroot(8), into the directory that is the root already. With a plus sign a number is a number: setpriv(1) asks the
 * user database first whether somebody is called "1000", which takes half of its time, and as long as a server does not
 * answer for ever.
 */
const byChroot: Drop = ({ uid, gid, groups }) => [
  CHROOT,
  `--userspec=+${uid}:+${gid}`,
  `--groups=${groups.map((group) => `+${group}`).join(',')}`,
  '/',
];

/** By setpriv(1), where chroot(8) is another one, or may not be used. */
const bySetpriv: Drop = ({ uid, gid, groups }) => [
  SETPRIV,
  `--reuid=${uid}`,
  `--regid=${gid}`,
  groups.length === 0 ? '--clear-groups' : `--groups=${groups.join(',')}`,
  '--',
];

let found: Promise<Drop> | undefined;

/** The way that works here; chroot(8) is believed when it has shown what it does. */
export function findDrop(): Promise<Drop> {
  found ??= shows(byChroot).then((isGood) => (isGood ? byChroot : bySetpriv));
  return found;
}

const NOBODY: Identity = { uid: 65534, gid: 65533, groups: [65531, 65532] };

/** Whether a program that is started so is who it should be, with nothing left of root's. */
async function shows(drop: Drop): Promise<boolean> {
  const status = memoryFile('status');
  const nothing = openSync('/dev/null', 'r+');
  try {
    const [file, ...args] = [...drop(NOBODY), '/bin/cat', '/proc/self/status'];
    const descriptors = [nothing, status, nothing];
    const { ended } = await startChild([file ?? '', args, descriptors]);
    const { code } = await ended;
    const bytes = Buffer.alloc(8192);
    const text = bytes.toString('latin1', 0, readSync(status, bytes, 0, bytes.length, 0));
    return code === 0 && isOnly(NOBODY, text);
  } catch {
    return false; // there is none
  } finally {
    closeSync(status);
    closeSync(nothing);
  }
}

/** Whether a process, by its /proc/PID/status, has these numbers alone, and no privilege. */
export function isOnly({ uid, gid, groups }: Identity, status: string): boolean {
  const values = (name: string): string =>
    new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, 'm').exec(status)?.[1]?.replaceAll(/\s+/g, ' ') ??
    '';
  const four = (number: number): string => Array<number>(4).fill(number).join(' ');
  return (
    values('Uid') === four(uid) &&
    values('Gid') === four(gid) &&
    values('Groups') === groups.toSorted((a, b) => a - b).join(' ') &&
    ['CapPrm', 'CapEff', 'CapAmb'].every((name) => /^0+$/.test(values(name)))
  );
}
