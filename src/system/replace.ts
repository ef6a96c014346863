/** A file's new contents, in one step: a crash leaves the old or the new ones. */
import { closeSync, fstatSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';

/** Replace a file of a directory that is ours alone. */
export function replaceFile(file: string, text: string): void {
  const draft = `${file}.new`;
  const fd = openSync(draft, 'w', 0o600);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(draft, file);
}

/** What disks write whole, or not at all. */
const SECTOR = 512;

/**
 * Put new contents of the same length over the old ones, without waiting for the disk. A crash of this process leaves
 * the old or the new ones, and one of the machine those of some moment in the half minute before.
 * @returns whether it could be done so: the file is there, its length does not change, and is at most that of a sector
 */
export function overwriteFile(file: string, text: string): boolean {
  const bytes = Buffer.from(text);
  if (bytes.length > SECTOR) return false;
  let fd: number;
  try {
    fd = openSync(file, 'r+');
  } catch {
    return false;
  }
  try {
    return fstatSync(fd).size === bytes.length && writeSync(fd, bytes, 0, bytes.length, 0) > 0;
  } finally {
    closeSync(fd);
  }
}
