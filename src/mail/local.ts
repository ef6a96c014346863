/** A recipient → the name that it has on this machine, if it is one of this machine. */
import { hostname } from 'node:os';
import { fromText } from '../system/bytes.ts';
import { machineNames } from './domain.ts';

/** The name before the `@`, where what is behind it means this machine. Null: it is somewhere else. */
export function localPart(recipient: string, hosts: readonly string[]): string | null {
  const at = recipient.lastIndexOf('@');
  if (at === -1) return recipient;
  return hosts.includes(recipient.slice(at + 1).toLowerCase()) ? recipient.slice(0, at) : null;
}

/** The same, if it can be the name of a user who has a mailbox. */
export function localName(recipient: string, hosts: readonly string[]): string | null {
  const name = localPart(recipient, hosts);
  return name !== null && isPlain(name) ? name : null;
}

/** By what names others know this machine, in lower case. */
export function hostNames(names = machineNames(), own = hostname()): string[] {
  const all = [own, own.replace(/\..*$/, ''), names.mail, names.host ?? own];
  return [...new Set(['localhost', ...all.map((name) => fromText(name).toLowerCase())])];
}

/** A user's name that is also a plain name of a file. */
function isPlain(name: string): boolean {
  return /^[^/.-][^/]*$/.test(name) && !name.endsWith('.lock');
}
