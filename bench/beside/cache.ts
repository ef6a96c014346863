/** Names of Debian packages → their files, and our C programs → theirs; both are kept in a folder under ~/.cache. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, realpathSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const cache = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'mailcron-bench',
);
const sources = fileURLToPath(new URL('../../../bench/src/', import.meta.url));

/** The packages' files; nothing is installed. Throws where apt cannot get one. */
export function packagesOf(names: readonly string[]): readonly string[] {
  const folder = join(cache, 'debs');
  mkdirSync(folder, { recursive: true });
  const find = (name: string): string | undefined =>
    readdirSync(folder).find((file) => file.startsWith(`${name}_`) && file.endsWith('.deb'));
  const missing = names.filter((name) => find(name) === undefined);
  if (missing.length > 0)
    execFileSync('apt-get', ['download', '-q', ...missing], { cwd: folder, stdio: 'pipe' });
  return names.map((name) => join(folder, find(name) ?? name));
}

/** A folder with what jobs and boxes use: our C programs, static, and a Node that no other process shares. */
export function tools(): string {
  const folder = join(cache, 'tools');
  mkdirSync(folder, { recursive: true });
  for (const source of readdirSync(sources))
    execFileSync('gcc', [
      '-O2',
      '-static',
      '-Wall',
      '-o',
      join(folder, source.replace(/\.c$/, '')),
      join(sources, source),
    ]);
  // Not over the former one: another bench may be running it.
  copyFileSync(realpathSync(process.execPath), join(folder, `node.${process.pid}`));
  renameSync(join(folder, `node.${process.pid}`), join(folder, 'node'));
  return folder;
}
