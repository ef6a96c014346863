/** Names of variables → those that this process was started with, byte for byte, as Node does not keep them. */
import { readFileSync } from 'node:fs';
import { fromBytes, fromText } from './bytes.ts';

/** Find these among the variables of a process, as byte strings; what is not set is left out. */
export function ownVariables(
  names: readonly string[],
  file = '/proc/self/environ',
): (readonly [name: string, value: string])[] {
  if (names.length === 0) return [];
  const lines = fromBytes(readFileSync(file)).split('\0');
  return names.flatMap((name) => {
    const prefix = `${fromText(name)}=`;
    const line = lines.find((one) => one.startsWith(prefix));
    return line === undefined ? [] : [[fromText(name), line.slice(prefix.length)] as const];
  });
}
