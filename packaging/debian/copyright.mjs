// A folder with package.json, LICENSE of ours beside, and node_modules → Debian's copyright file, on stdout.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

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
  const copyright = [...text.matchAll(/^\W*(copyright (?:\(c\)|©|\d).*)$/gim)].map(([, line]) => line.trim());
  const who = copyright.length > 0 ? copyright : ['see the text below'];
  lines.push(`Files: ${files}`, `Copyright: ${who.join('\n           ')}`);
  lines.push(`License: ${name}`, field(text), '');
}

/** All packages below, scoped ones too, by name. */
function packages(directory) {
  return readdirSync(directory)
    .filter((name) => !name.startsWith('.'))
    .sort()
    .flatMap((name) => (name.startsWith('@') ? packages(join(directory, name)) : [join(directory, name)]));
}

paragraph('*', 'MIT', readFileSync(new URL('../../LICENSE', import.meta.url), 'utf8').replace(/^MIT License\n/, ''));
for (const directory of packages(join(folder, 'node_modules'))) {
  const { name, version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const file = readdirSync(directory).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
  // A package with binaries only has its licence in the one that it belongs to.
  const parent = join(folder, 'node_modules', 'koffi', 'LICENSE.txt');
  const text = file !== undefined ? join(directory, file) : name.startsWith('@koromix/') ? parent : null;
  if (text === null || !existsSync(text)) throw new Error(`${name} has no licence file`);
  const inside = directory.slice(folder.length + 1);
  const short = `${license}-${name.replace(/[^a-z0-9]+/gi, '-').replace(/^-/, '')}`;
  paragraph(`usr/lib/mailcron/${inside}/*`, short, `${name} ${version}\n\n${readFileSync(text, 'utf8')}`);
}
process.stdout.write(`${lines.join('\n').trimEnd()}\n`);
