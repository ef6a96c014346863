/** The file of [mail.smtp] credentials → user and password; one that others can read is refused. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { reason } from '../system/failure.ts';

/** What a relay wants to know before it takes mail. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** A file of two lines is not this large. */
const LIMIT = 64 * 1024;

/**
 * Read user and password.
 * @param uid who reads it, and must own it
 * @throws when the file is not the reader's own and nobody else's, or says neither
 */
export function readCredentials(file: string, uid = process.geteuid?.()): Credentials {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    throw new Error(`Cannot read credentials "${file}": ${reason(error)}`, { cause: error });
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > LIMIT)
      throw new Error(`Cannot use credentials "${file}": it is no plain file of two lines`);
    if (stat.uid !== uid || (stat.mode & 0o077) !== 0)
      throw new Error(
        `Cannot use credentials "${file}": it must belong to uid ${uid} and have mode 0600, for it holds a password`,
      );
    return parse(readFileSync(fd, 'utf8'), file);
  } finally {
    closeSync(fd);
  }
}

/** Lines `user = ...` and `password = ...`, with quotes around the value or without. */
function parse(text: string, file: string): Credentials {
  const found = new Map<string, string>();
  text.split(/\r?\n/).forEach((line, at) => {
    if (/^\s*(#|$)/.test(line)) return;
    const { key, value } =
      /^\s*(?<key>user|password)\s*=\s*(?<value>.*?)\s*$/.exec(line)?.groups ?? {};
    // The line itself is not shown: it may be the password.
    if (key === undefined || value === undefined)
      throw new Error(`"${file}" line ${at + 1} is neither "user = ..." nor "password = ..."`);
    found.set(key, unquote(value));
  });
  const [user = '', password = ''] = [found.get('user'), found.get('password')];
  if (user === '' || password === '')
    throw new Error(`"${file}" must have two lines, "user = ..." and "password = ..."`);
  return { user, password };
}

/** As TOML has strings, for that is what people will write. */
function unquote(value: string): string {
  const { double, single } = /^(?:"(?<double>.*)"|'(?<single>.*)')$/.exec(value)?.groups ?? {};
  return double?.replaceAll(/\\(["\\])/g, '$1') ?? single ?? value;
}
