/** Rows of cells → lines with columns, each cut where a terminal would wrap it. */
import { cut, fit } from './lines.ts';

/**
 * Line up columns to the left, those of numbers to the right.
 * @param width without it, that of the terminal
 */
export function columns(
  rows: readonly (readonly string[])[],
  numbers: ReadonlySet<number> = new Set(),
  width?: number,
): string[] {
  const widths: number[] = [];
  for (const cells of rows)
    for (const [at, cell] of cells.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  const pad = (cell: string, at: number): string =>
    numbers.has(at) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0);
  const lines = rows.map((cells) => cells.map(pad).join('  ').trimEnd());
  return lines.map((line) => (width === undefined ? fit(line) : cut(line, width)));
}

/** So many of something: `1 crontab`, `2 entries`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}
