/** package.json → our version. */
import { readFileSync } from 'node:fs';

export function version(): string {
  const file = new URL('../../../package.json', import.meta.url);
  const { version: ours }: { version: string } = JSON.parse(readFileSync(file, 'utf8'));
  return ours;
}
