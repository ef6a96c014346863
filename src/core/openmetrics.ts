/** Families of metrics → the text of the OpenMetrics specification 1.0, which Prometheus's older format can read too. */

/** A value, and the labels that tell it from the others of its family. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A gauge or a counter; `name` is without the `_total` that counters get. */
export interface Plain {
  readonly type: 'gauge' | 'counter';
  readonly name: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** How often values were at most so large. */
export interface Distribution {
  readonly type: 'histogram';
  readonly name: string;
  readonly help: string;
  readonly histograms: readonly { readonly labels?: Sample['labels']; readonly of: Histogram }[];
}

export type Family = Plain | Distribution;

/** Counts of values by their size. */
export class Histogram {
  readonly bounds: readonly number[];
  /** Of each bound, and of what is beyond them. */
  readonly counts: number[];
  sum = 0;

  /** @param bounds ascending */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  add(value: number): void {
    const place = this.bounds.findIndex((bound) => value <= bound);
    const at = place === -1 ? this.bounds.length : place;
    this.counts[at] = (this.counts[at] ?? 0) + 1;
    this.sum += value;
  }
}

/** Write families; what ends a name with a unit says so. */
export function openMetrics(families: readonly Family[]): string {
  const lines = families.flatMap((family) => [...headOf(family), ...samplesOf(family)]);
  return [...lines, '# EOF', ''].join('\n');
}

const UNIT = /_(seconds|bytes)$/;

function headOf({ name, type, help }: Family): string[] {
  const [, unit] = UNIT.exec(name) ?? [];
  return [
    `# TYPE ${name} ${type}`,
    ...(unit === undefined ? [] : [`# UNIT ${name} ${unit}`]),
    `# HELP ${name} ${escaped(help)}`,
  ];
}

function samplesOf(family: Family): string[] {
  if (family.type !== 'histogram') {
    const suffix = family.type === 'counter' ? '_total' : '';
    return family.samples.map(({ labels, value }) =>
      sample(`${family.name}${suffix}`, labels, value),
    );
  }
  return family.histograms.flatMap(({ labels = {}, of: { bounds, counts, sum } }) => {
    let below = 0;
    const buckets = counts.map((count, at) => {
      below += count;
      const le = at < bounds.length ? decimal(bounds[at] ?? 0) : '+Inf';
      return sample(`${family.name}_bucket`, { ...labels, le }, below);
    });
    return [
      ...buckets,
      sample(`${family.name}_count`, labels, below),
      sample(`${family.name}_sum`, labels, sum),
    ];
  });
}

function sample(name: string, labels: Sample['labels'], value: number): string {
  const pairs = Object.entries(labels ?? {}).map(([key, text]) => `${key}="${escaped(text)}"`);
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`;
}

/** Bounds are the same number in every reader: 1.0 and not 1. */
function decimal(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : `${value}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
