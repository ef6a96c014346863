// package-lock.json and the licences in node_modules → docs/licences.md, on stdout.
import { fileURLToPath } from 'node:url';
import { holders, installed, licence, shipped } from './packages.mjs';

const folder = fileURLToPath(new URL('../../', import.meta.url));
const all = installed(`${folder}node_modules`);
const packages = shipped(folder);

/** Who holds the copyright: the lines of the licence without what is the same in all. */
function whose(name) {
  const lines = holders(licence(name, all)).map((line) =>
    line
      .replace(/^copyright\s*/i, '')
      .replace(/^(\(c\)|©)\s*(copyright\s*)?/i, '')
      .replace(/[,.]?\s*all rights reserved\.?$/i, '')
      .replace(/\s*(listed at )?<[^>]*>.*/g, '')
      .replace(/\s+/g, ' '),
  );
  return lines.length > 0 ? lines.join('; ') : 'see its licence';
}

const kinds = [...new Set(packages.map(({ license }) => license))].sort();
const rows = packages.map(
  ({ name, version, license, neededBy }) =>
    `| ${name} | ${version} | ${license} | ${whose(name).replaceAll('|', '\\|')} | ${[...neededBy].join(', ')} |`,
);

process.stdout.write(`# Licences

mailcron is under the MIT licence: [LICENSE](../LICENSE). With it come these packages, from npm with the texts of their
licences in them, in the Debian package with these in \`/usr/share/doc/mailcron/copyright\`. The licences are
${kinds.slice(0, -1).join(', ')} and ${kinds.at(-1)}. Packages that are named after a processor have one library of machine code each,
and only those of the machine's own are installed. What mailcron is only built and tested with is not in this list.

\`npm run licences\` writes this file from the lock file and the packages; \`test/release.test.ts\` sees that it is current.

| package | version | licence | copyright | needed by |
|---|---|---|---|---|
${rows.join('\n')}
`);
