/** package.json's `files` → what `npm pack` puts into the package, by the word of npm itself. */
import { spawnSync } from 'node:child_process';

interface Pack {
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

/** Ask npm; nothing is written. */
export function packed(): Pack['files'] {
  const { status, stdout, stderr } = spawnSync(
    'npm',
    ['pack', '--dry-run', '--json', '--silent', '--offline'],
    { cwd: new URL('../../../', import.meta.url), encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`npm pack ended with ${status}: ${stderr}`);
  const [pack]: Pack[] = JSON.parse(stdout);
  return pack?.files ?? [];
}
