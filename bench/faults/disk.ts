/** The state directory on a small disk of its own, which can be filled; root's alone. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const SIZE = 48 * 1024 * 1024;
const BLOCK = Buffer.alloc(256 * 1024);

export interface Disk {
  fill(): void;
  free(): void;
  close(): void;
}

/** Mount it; the mount is this mount namespace's alone, which ends with us. */
export function mountDisk(directory: string): Disk {
  const options = `size=${SIZE},mode=700`;
  const { status, stderr } = spawnSync(
    'mount',
    ['-t', 'tmpfs', '-o', options, 'faults', directory],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`mount: ${stderr}`);
  const ballast = join(directory, 'ballast');
  return {
    fill() {
      const fd = openSync(ballast, 'a');
      try {
        for (const block of [BLOCK, BLOCK.subarray(0, 4096)])
          for (;;) if (writeSync(fd, block) < block.length) break;
      } catch {
        // Full.
      } finally {
        closeSync(fd);
      }
    },
    close: () => void spawnSync('umount', ['--lazy', directory]),
    free: () => rmSync(ballast, { force: true }),
  };
}
