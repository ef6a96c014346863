// A folder with package.json, LICENSE of ours beside, and node_modules → Debian's copyright file, on stdout.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { holders, installed, licence } from '../release/packages.mjs';

const [folder] = process.argv.slice(2);
const lines = [
  'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
  'Upstream-Name: mailcron',
  'Comment: Packages of others are in /usr/lib/mailcron/node_modules, without what',
  ' they need only to be built; each with its version and licence below.',
  '',
];

/** The text of a licence as a field: no line is empty, all are indented. */
function field(text) {
  return text
    .trim()
    .split(/\r?\n/)
    .map((line) => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`))
    .join('\n');
}

function paragraph(files, name, text) {
  const copyright = holders(text);
  const who = copyright.length > 0 ? copyright : ['see the text below'];
  lines.push(`Files: ${files}`, `Copyright: ${who.join('\n           ')}`);
  lines.push(`License: ${name}`, field(text), '');
}

/** Debian has the text of this long one, and wants it in no package. */
const APACHE = 'The terms are those of the Apache License, version 2.0: /usr/share/common-licenses/Apache-2.0.';

paragraph('*', 'MIT', readFileSync(new URL('../../LICENSE', import.meta.url), 'utf8').replace(/^MIT License\n/, ''));
const all = installed(join(folder, 'node_modules'));
for (const { path, name, version, license } of all) {
  const inside = path.slice(folder.length + 1);
  const short = `${license}-${name.replace(/[^a-z0-9]+/gi, '-').replace(/^-/, '')}`;
  const terms = license === 'Apache-2.0' ? APACHE : licence(name, all);
  paragraph(`usr/lib/mailcron/${inside}/*`, short, `${name} ${version}\n\n${terms}`);
}
process.stdout.write(`${lines.join('\n').trimEnd()}\n`);
