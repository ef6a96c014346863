/** The manifest → what was set up, taken away again, and nothing else. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../system/failure.ts';
import { ask } from '../terminal.ts';
import { markAt, removeDirectories } from './files.ts';
import { type Manifest, removeManifest } from './manifest.ts';
import { type Command, userRemoval } from './plan.ts';
import { attempt, type Doing, line, tell } from './words.ts';

/** Undo what a manifest tells of; returns the exit status. */
export function undo(manifest: Manifest, { root, dryRun, yes }: Doing): number {
  const { files, directories, end, after } = manifest;
  const isOurs = (path: string): boolean => markAt(join(root, path)) === files[path];
  const there = Object.keys(files).filter((path) => existsSync(join(root, path)) || isOurs(path));
  const ours = there.filter(isOurs);
  const removal = manifest.user ? userRemoval(root) : null;
  const last = removal === null ? after : [...after, removal];

  for (const command of end) line('run', command.join(' '));
  for (const path of there)
    line(ours.includes(path) ? 'remove' : 'leave', path, !ours.includes(path));
  for (const command of last) line('run', command.join(' '));
  tell('Crontabs, mails that wait and the log stay where they are.');
  if (dryRun) return EXIT.OK;
  if (!yes && !ask('Go on? [y/n] ', 'Please enter Y or N: ')) return EXIT.OK;

  let trouble = false;
  const run = (command: Command): void => {
    const problem = attempt(root, command);
    if (problem !== null) tell(problem);
    trouble ||= problem !== null;
  };
  for (const command of end) run(command);
  for (const path of ours) rmSync(join(root, path), { force: true });
  for (const command of last) run(command);
  removeManifest(root);
  removeDirectories(root, directories);
  return trouble ? EXIT.FAILURE : EXIT.OK;
}
