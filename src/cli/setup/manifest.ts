/** What mailcron-setup has made on this machine, so that it can be undone: a file in cron's state. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EXIT, errorCode, Failure, reason } from '../../system/failure.ts';
import { replaceFile } from '../../system/replace.ts';
import type { Init } from './machine.ts';
import type { Command, Wanted } from './plan.ts';

/** All paths are as they are seen from the root. */
export interface Manifest {
  readonly version: string;
  readonly init: Init;
  /** Path → the hash of what was written there, or the target of a link. */
  readonly files: Readonly<Record<string, string>>;
  /** Directories that were not there before, outermost first. */
  readonly directories: readonly string[];
  /** Whether the user was made. */
  readonly user: boolean;
  /** What stops cron and has init forget it: before the files go, and after. */
  readonly end: readonly Command[];
  readonly after: readonly Command[];
  /** Whether all of it was done. */
  readonly complete: boolean;
}

const MANIFEST = '/var/lib/mailcron/setup.json';

/** Read it; null: nothing was set up here. */
export function readManifest(root: string): Manifest | null {
  const file = join(root, MANIFEST);
  try {
    const manifest: Manifest = JSON.parse(readFileSync(file, 'utf8'));
    return manifest;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    const problem = `Cannot read what was set up, "${file}": ${reason(error)}`;
    throw new Failure(problem, { exit: EXIT.NO_INPUT, cause: error });
  }
}

/** Write it, before what it tells of is made. */
export function writeManifest(root: string, manifest: Manifest): void {
  const file = join(root, MANIFEST);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  replaceFile(file, `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Forget what was set up; a state that holds nothing else goes too. */
export function removeManifest(root: string): void {
  const file = join(root, MANIFEST);
  rmSync(file, { force: true });
  try {
    rmdirSync(dirname(file));
  } catch {
    // Cron's own: mails that wait, former crontabs.
  }
}

/** What stands for a file in the manifest. */
export function markOf(wanted: Wanted): string {
  return 'target' in wanted ? `-> ${wanted.target}` : hash(wanted.text, wanted.mode);
}

/** The same for a file that there is. */
export function hash(text: string, mode: number): string {
  return `${mode.toString(8)} ${createHash('sha256').update(text).digest('hex')}`;
}
