/** A function of Node's file system → another one, for all modules, until the test is over. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { TestContext } from 'node:test';

/** Have calls of a function go to another one, which gets the true one. */
export function instead<K extends 'readdirSync' | 'writeSync' | 'openSync' | 'fdatasyncSync'>(
  t: TestContext,
  name: K,
  make: (real: (typeof fs)[K]) => (...args: never[]) => unknown,
): { readonly restore: () => void } {
  const real = fs[name];
  Object.assign(fs, { [name]: make(real) });
  syncBuiltinESMExports();
  const restore = (): void => {
    Object.assign(fs, { [name]: real });
    syncBuiltinESMExports();
  };
  t.after(restore);
  return { restore };
}

/** An error as the system's calls throw it. */
export function errorOf(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: made up`), { code });
}
