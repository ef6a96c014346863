/** Numbers → their middle and their spread, and tables of them. */

/** One thing that was measured once. */
export interface Figure {
  /** The case: a table of its own. */
  readonly title: string;
  readonly peer: string;
  /** The column, with the unit. */
  readonly what: string;
  readonly value: number;
  /** In which run: only figures of the same one are set in proportion. */
  readonly run?: string;
}

/** What one round of a cron came to: column → value. One that could not be had is left out. */
export function row(
  title: string,
  peer: string,
  columns: Readonly<Record<string, number>>,
): Figure[] {
  return Object.entries(columns)
    .filter(([, value]) => !Number.isNaN(value))
    .map(([what, value]) => ({ title, peer, what, value }));
}

/** The one in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low = NaN, high = NaN] = [
    sorted[Math.floor((sorted.length - 1) / 2)],
    sorted[Math.floor(sorted.length / 2)],
  ];
  return (low + high) / 2;
}

/** A number with three figures at most, as people read it. */
export function brief(value: number): string {
  if (Number.isNaN(value)) return '-';
  const size = Math.abs(value);
  return value.toLocaleString('en', { maximumFractionDigits: size < 10 ? 2 : size < 100 ? 1 : 0 });
}

/** The median and, of several, the least and the greatest: `12 (10 to 15)`. */
export function spread(values: readonly number[]): string {
  const middle = brief(median(values));
  if (values.length < 2) return middle;
  return `${middle} (${brief(Math.min(...values))} to ${brief(Math.max(...values))})`;
}

/** Rows of cells, the first with the titles → a table of Markdown whose columns stand below each other. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((cells) => (cells[at] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(' | ')} |\n`;
  const rule = widths.map((width, at) =>
    at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  const [head = [], ...body] = rows;
  return [head, rule, ...body].map(line).join('');
}

/** A table with a row for each cron; a cell has the middle, the spread, and how many times the first row's of that run it is. */
export function compare(figures: readonly Figure[], nameOf: (peer: string) => string): string {
  const names = [...new Set(figures.map(({ peer }) => peer))];
  const columns = [...new Set(figures.map(({ what }) => what))];
  const of = (peer: string, column: string): number[] =>
    figures.filter((one) => one.peer === peer && one.what === column).map(({ value }) => value);
  const runOf = (peer?: string): string | undefined =>
    figures.find((one) => one.peer === peer)?.run;
  const rows = names.map((peer) => [
    nameOf(peer),
    ...columns.map((column) => {
      const [own, first] = [of(peer, column), median(of(names[0] ?? '', column))];
      if (own.length === 0) return '-';
      const beside = peer !== names[0] && runOf(peer) === runOf(names[0]);
      const ratio = beside && first > 0 ? ` = ${brief(median(own) / first)} x` : '';
      return spread(own) + ratio;
    }),
  ]);
  return table([['', ...columns], ...rows]);
}
