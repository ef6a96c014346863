/** Copies of the package, as upgrades bring them: a new one is there, then the old one is gone. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

const project = new URL('../../../', import.meta.url).pathname;

export class Copies {
  readonly #room: string;
  #count = 0;

  constructor(room: string) {
    this.#room = room;
    mkdirSync(room);
    const first = join(room, '0');
    mkdirSync(first);
    for (const name of ['bin', 'package.json']) copy(join(project, name), join(first, name));
    copy(join(project, 'dist/src'), join(first, 'dist/src'));
    for (const name of needed()) copy(moduleOf(name), join(first, 'node_modules', name));
  }

  /** Where the package is now. */
  get home(): string {
    return join(this.#room, `${this.#count}`);
  }

  /** Put a new copy beside the old one; returns what removes the old one. */
  renew(): () => void {
    const old = this.home;
    this.#count++;
    const { status, stderr } = spawnSync('cp', ['-a', old, this.home], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`cp: ${stderr}`);
    return () => rmSync(old, { recursive: true, force: true });
  }
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, dereference: true });
}

function moduleOf(name: string): string {
  return join(project, 'node_modules', name);
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** The packages that run, as far as this machine has them. */
function needed(): Set<string> {
  const found = new Set<string>();
  const add = (folder: string): void => {
    const manifest: Manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    for (const name of Object.keys({
      ...manifest.dependencies,
      ...manifest.optionalDependencies,
    })) {
      if (found.has(name)) continue;
      try {
        readFileSync(join(moduleOf(name), 'package.json'));
      } catch {
        continue; // for another kind of machine
      }
      found.add(name);
      add(moduleOf(name));
    }
  };
  add(project);
  return found;
}
