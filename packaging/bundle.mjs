// dist/src/cli/crontab.js and all that it imports at its start → crontab.cjs beside it, which bin/crontab loads: npm run build
//
// Reading and linking a dozen ES modules is a third of what `crontab -l` takes beyond Node's own start. What crontab
// loads with import() stays where it is: those modules have a Failure of their own, which its mark makes the same.
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';

const outfile = 'dist/src/cli/crontab.cjs';

const lazy = {
  name: 'lazy',
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
      if (kind !== 'dynamic-import') return undefined;
      const there = relative(dirname(outfile), join(resolveDir, path));
      return { path: there.startsWith('.') ? there : `./${there}`, external: true };
    });
  },
};

await build({
  entryPoints: ['dist/src/cli/crontab.js'],
  outfile,
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  sourcemap: true,
  sourcesContent: false,
  define: { 'import.meta.url': '__filename' },
  plugins: [lazy],
  logLevel: 'warning',
});
