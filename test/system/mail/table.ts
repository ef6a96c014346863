/** Facts that a test has seen → a table in docs/mail.md that says just these. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../../../../docs/mail.md', import.meta.url);

/** Compare; `UPDATE_DOCS=1` writes the table anew, for review in the diff. */
export function checkTable(
  name: string,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const table = [columns, columns.map(() => '---'), ...rows].map(line).join('');
  const text = readFileSync(file, 'utf8');
  const [, start = '', before, end = ''] =
    new RegExp(`(<!-- ${name}: .*-->\n\n)([^]*?)(\n<!-- end -->)`).exec(text) ?? [];
  assert.ok(before !== undefined, `docs/mail.md has a place for the table "${name}"`);
  if (process.env['UPDATE_DOCS'] === '1')
    writeFileSync(
      file,
      text.replace(start + before + end, () => start + table + end),
    );
  else assert.equal(table, before, 'UPDATE_DOCS=1 makes the table anew');
}
