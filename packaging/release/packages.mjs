// package-lock.json, or a node_modules → the packages that are shipped, and the licences of what is installed.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const json = (file) => JSON.parse(readFileSync(file, 'utf8'));

/** What a machine with Linux may get with mailcron, of all that a lock file names; each with the packages that need it. */
export function shipped(folder) {
  const { packages } = json(join(folder, 'package-lock.json'));
  const found = new Map();
  const reach = (from, by) => {
    for (const needed of Object.keys({ ...packages[from].dependencies, ...packages[from].optionalDependencies })) {
      const path = resolve(needed, from, packages);
      if (path === undefined || !(packages[path].os ?? ['linux']).includes('linux')) continue;
      if (found.get(path)?.neededBy.add(by) !== undefined) continue;
      found.set(path, { ...packages[path], name: needed, neededBy: new Set([by]) });
      reach(path, needed);
    }
  };
  reach('', packages[''].name);
  return [...found.keys()].sort().map((path) => found.get(path));
}

/** All packages below a node_modules, scoped ones too, by name: where each is, and what it says of itself. */
export function installed(directory) {
  return readdirSync(directory)
    .filter((entry) => !entry.startsWith('.'))
    .sort()
    .flatMap((entry) => {
      const path = join(directory, entry);
      if (entry.startsWith('@')) return installed(path);
      const nested = join(path, 'node_modules');
      return [{ path, ...json(join(path, 'package.json')) }, ...(existsSync(nested) ? installed(nested) : [])];
    });
}

/** The text of a package's licence. One with binaries only has it in the package that it is an option of. */
export function licence(name, all) {
  const file = own(all.find((one) => one.name === name)?.path);
  if (file !== undefined) return readFileSync(file, 'utf8');
  const parents = all.filter(({ optionalDependencies }) => optionalDependencies?.[name] !== undefined);
  const [text] = parents.map(({ path }) => own(path)).filter((path) => path !== undefined);
  if (text === undefined) throw new Error(`${name} has no licence file`);
  return readFileSync(text, 'utf8');
}

/** The lines of a licence that say whose it is. */
export function holders(text) {
  return [...text.matchAll(/^\W*(copyright (?:\(c\)|©|\d).*)$/gim)].map(([, line]) => line.trim());
}

function own(path) {
  if (path === undefined || !existsSync(path)) return undefined;
  const file = readdirSync(path).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
  return file === undefined ? undefined : join(path, file);
}

/** Where Node finds a package that another one imports: beside it, or beside what holds that. */
function resolve(name, from, packages) {
  const path = join(from, 'node_modules', name);
  if (packages[path] !== undefined || from === '') return packages[path] === undefined ? undefined : path;
  return resolve(name, from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))), packages);
}
