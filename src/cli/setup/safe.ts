/** What root's daemon would run → who else could change it, or could not read it. */
import { lstatSync, readdirSync, realpathSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Tell what is wrong with a program or a tree of them that root and everybody is to run: only root may be able to
 * change it, and all must be able to read it. Null: nothing is wrong.
 */
export function unsafe(path: string): string | null {
  const real = realpathSync(path);
  for (let at = dirname(real); ; at = dirname(at)) {
    const problem = problemOf(at, lstatSync(at));
    if (problem !== null) return problem;
    if (at === '/') break;
  }
  return unsafeTree(real);
}

function unsafeTree(path: string): string | null {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return null; // where it leads is reached from there only, or seen to by itself
  const problem = problemOf(path, stat);
  if (problem !== null || !stat.isDirectory()) return problem;
  for (const name of readdirSync(path)) {
    const inside = unsafeTree(join(path, name));
    if (inside !== null) return inside;
  }
  return null;
}

const WRITABLE = 0o022;
const STICKY = 0o1000;

function problemOf(path: string, stat: Stats): string | null {
  if (stat.uid !== 0) return `${path} belongs to uid ${stat.uid}, who could become root by it`;
  // In a sticky directory nobody can put another file in the place of root's.
  const isSticky = stat.isDirectory() && (stat.mode & STICKY) !== 0;
  const isOpen = (stat.mode & WRITABLE) !== 0 && !isSticky;
  if (isOpen) return `${path} can be changed by others than root, who could become root by it`;
  const isClosed = (stat.mode & (stat.isDirectory() ? 0o001 : 0o004)) === 0;
  return isClosed ? `${path} is closed to the users, whose crontab(1) needs it` : null;
}
