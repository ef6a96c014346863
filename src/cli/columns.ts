/** Rows of cells → lines with columns, each cut where a terminal would wrap it. */
import { fit } from './lines.ts';

/** Line up columns to the left, those of numbers to the right. */
export function columns(
  rows: readonly (readonly string[])[],
  numbers: ReadonlySet<number> = new Set(),
): string[] {
  const widths: number[] = [];
  for (const cells of rows)
    for (const [at, cell] of cells.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  const pad = (cell: string, at: number): string =>
    numbers.has(at) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0);
  return rows.map((cells) => fit(cells.map(pad).join('  ').trimEnd()));
}

/** So many of something: `1 crontab`, `2 entries`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}
