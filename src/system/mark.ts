/** A file → a mark that differs after every change of its content, owner, mode, links or identity. */
import { lstatSync, statSync } from 'node:fs';
import { errorCode } from './failure.ts';

/** All of stat(2) that a change can show in, of a link and of what it points at. */
export interface Mark {
  readonly text: string;
  /** Bytes of what it holds, or points at. */
  readonly size: number;
  /** The last change is so young that another one could leave the same mark: the kernel's clock ticks. */
  readonly young: boolean;
}

/** Coarsest timestamps of a file system in use (FAT's two seconds), in milliseconds. */
const TICK = 2000;

/** Mark a file as it is now; null: there is none. */
export function markOf(path: string): Mark | null {
  try {
    const link = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (link === undefined) return null;
    if (!link.isSymbolicLink()) return mark(link);
    const target = statSync(path, { bigint: true, throwIfNoEntry: false });
    const own = mark(link);
    if (target === undefined) return own;
    const other = mark(target);
    const text = `${own.text} -> ${other.text}`;
    return { text, size: other.size, young: own.young || other.young };
  } catch (error) {
    return { text: errorCode(error) ?? 'unknown', size: 0, young: true };
  }
}

/** Mark several together, whether there are any or not. */
export function markOfAll(paths: readonly string[]): Mark {
  const marks = paths.map(markOf);
  return {
    text: marks.map((each) => each?.text).join('\n'),
    size: marks.reduce((sum, each) => sum + (each?.size ?? 0), 0),
    young: marks.some((each) => each?.young === true),
  };
}

function mark(stat: {
  dev: bigint;
  ino: bigint;
  mode: bigint;
  uid: bigint;
  nlink: bigint;
  size: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
}): Mark {
  const { dev, ino, mode, uid, nlink, size, mtimeNs, ctimeNs } = stat;
  // Who sets the mtime back (touch -r) moves the ctime: that is the one to judge the age by.
  const young = Number(ctimeNs / 1_000_000n) > Date.now() - TICK;
  const text = `${dev} ${ino} ${mode} ${uid} ${nlink} ${size} ${mtimeNs} ${ctimeNs}`;
  return { text, size: Number(size), young };
}
