/** A program that needs mounts of its own → the same program once more, in a namespace of them. */
import { spawnSync } from 'node:child_process';

const MARK = 'BENCH_MOUNTS';

/**
 * Run this program again with mounts that nobody else sees, and take over its exit status.
 * @returns whether this already is that second one; then there is nothing to wait for
 */
export function enterOwnMounts(...words: string[]): boolean {
  if (process.env[MARK] !== undefined) return true;
  const { status } = spawnSync(
    'unshare',
    ['--mount', process.execPath, ...process.argv.slice(1, 2), ...words],
    { stdio: 'inherit', env: { ...process.env, [MARK]: '1' } },
  );
  process.exitCode = status ?? 1;
  return false;
}
