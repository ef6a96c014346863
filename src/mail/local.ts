/** A recipient → the name that it has on this machine, if it is one of this machine. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

const MAILNAME = '/etc/mailname';

/** The name before the `@`, where what is behind it means this machine. Null: it is somewhere else. */
export function localName(recipient: string, hosts: readonly string[]): string | null {
  const at = recipient.lastIndexOf('@');
  const name = at === -1 ? recipient : recipient.slice(0, at);
  const host = at === -1 ? 'localhost' : recipient.slice(at + 1).toLowerCase();
  return isPlain(name) && hosts.includes(host) ? name : null;
}

/** By what names others know this machine, in lower case. */
export function hostNames(): string[] {
  const host = hostname().toLowerCase();
  return ['localhost', host, host.replace(/\..*$/, ''), ...mailname()];
}

function mailname(): string[] {
  try {
    const [name = ''] = readFileSync(MAILNAME, 'latin1').split('\n');
    return name.trim() === '' ? [] : [name.trim().toLowerCase()];
  } catch {
    return []; // Debian's own; other systems have none
  }
}

/** A user's name that is also a plain name of a file. */
function isPlain(name: string): boolean {
  return /^[^/.-][^/]*$/.test(name) && !name.endsWith('.lock');
}
