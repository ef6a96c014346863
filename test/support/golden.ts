/** A whole message → equal to a file under test/golden, byte for byte. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';

const folder = new URL('../../../test/golden/', import.meta.url);

/** Compare; `UPDATE_GOLDEN=1` writes the file anew, for review in the diff. */
export function golden(name: string, actual: Buffer): void {
  const file = new URL(name, folder);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, actual);
  assert.equal(actual.toString('latin1'), readFileSync(file, 'latin1'), name);
}
