/** Files that are wanted or were made → what stands in their places, and how it is changed. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { replaceFile } from '../../system/replace.ts';
import { hash, type Manifest, markOf } from './manifest.ts';
import type { Wanted } from './plan.ts';

/**
 * What stands in the place of a file: nothing; what is wanted; what we wrote and is out of date; what we wrote and
 * somebody has changed; what is not ours.
 */
export type Standing = 'missing' | 'there' | 'old' | 'changed' | 'foreign';

/** Look what stands where a file is wanted. */
export function standing(root: string, wanted: Wanted, before: Manifest | null): Standing {
  const mark = markAt(join(root, wanted.path));
  if (mark === null) return 'missing';
  if (mark === markOf(wanted)) return 'there';
  const written = before?.files[wanted.path];
  if (written === undefined) return 'foreign';
  return written === mark ? 'old' : 'changed';
}

/** The mark of what there is; null: nothing. What is neither a file nor a link has one that nothing else has. */
export function markAt(path: string): string | null {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  if (stat.isSymbolicLink()) return `-> ${readlinkSync(path)}`;
  return stat.isFile() ? hash(readFileSync(path, 'utf8'), stat.mode & 0o7777) : 'other';
}

/** Put a file or a link in its place; its directories are there. */
export function put(root: string, wanted: Wanted): void {
  const path = join(root, wanted.path);
  if ('target' in wanted) {
    rmSync(path, { force: true });
    symlinkSync(wanted.target, path);
    return;
  }
  replaceFile(path, wanted.text);
  chmodSync(path, wanted.mode);
}

/** The directories above these paths that are not there, outermost first. */
export function missingDirectories(root: string, paths: readonly string[]): string[] {
  const missing = new Set<string>();
  for (const path of paths) {
    const chain: string[] = [];
    for (let at = dirname(path); !existsSync(join(root, at)); at = dirname(at)) chain.unshift(at);
    for (const directory of chain) missing.add(directory);
  }
  return [...missing];
}

/** Make directories; those that are private are root's alone. */
export function makeDirectories(
  root: string,
  directories: readonly string[],
  arePrivate: readonly string[],
): void {
  for (const directory of directories) {
    mkdirSync(join(root, directory), { recursive: true });
    chmodSync(join(root, directory), arePrivate.includes(directory) ? 0o700 : 0o755); // whatever the umask
  }
}

/** Remove directories that were made and hold nothing; innermost first. */
export function removeDirectories(root: string, directories: readonly string[]): void {
  for (const directory of directories.toReversed()) {
    try {
      rmdirSync(join(root, directory));
    } catch {
      // Somebody uses it.
    }
  }
}
